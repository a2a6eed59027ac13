import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { environmentVariables, loadConfig } from '../src/index.ts';

const schema = z.object({
  member: z.object({ id: z.string().regex(/^[a-z0-9.-]{1,32}$/) }),
  bridge: z
    .object({
      listenPort: z.int().min(1).max(65_535).default(1884),
      peers: z.array(z.object({ id: z.string(), port: z.int() })).default([]),
      urls: z.array(z.string()).default([]),
      plain: z.boolean().default(false),
    })
    .prefault({}),
  whenIsolated: z.enum(['accept', 'hold']).default('accept'),
  password: z.string().min(8).optional(),
});

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'load-config-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function load(files: Readonly<Record<string, unknown>>, environment: Readonly<Record<string, string>> = {}) {
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, `${name}.json`), JSON.stringify(content));
  }
  return loadConfig(schema, { prefix: 'TEST_CLUSTER', directory, environment });
}

function errorOf(
  files: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {},
): string {
  try {
    load(files, environment);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as ConfigError;
    expect(message).not.toContain('\n');
    return message;
  }
  throw new Error('the configuration was accepted');
}

test('environmentVariables lists the environment variable of every setting', () => {
  expect(environmentVariables(schema, 'TEST_CLUSTER').map(({ name }) => name)).toEqual([
    'TEST_CLUSTER_MEMBER_ID',
    'TEST_CLUSTER_BRIDGE_LISTEN_PORT',
    'TEST_CLUSTER_BRIDGE_PEERS',
    'TEST_CLUSTER_BRIDGE_URLS',
    'TEST_CLUSTER_BRIDGE_PLAIN',
    'TEST_CLUSTER_WHEN_ISOLATED',
    'TEST_CLUSTER_PASSWORD',
  ]);
});

describe('loadConfig', () => {
  test('applies defaults and deeply freezes the configuration', () => {
    const config = load({ default: { member: { id: 'a' } } });
    expect(config).toEqual({
      member: { id: 'a' },
      bridge: { listenPort: 1884, peers: [], urls: [], plain: false },
      whenIsolated: 'accept',
    });
    expect(() => Object.assign(config.bridge, { plain: true })).toThrow(TypeError);
    expect(() => (config.bridge.urls as string[]).push('x')).toThrow(TypeError);
  });

  test('prefers an environment variable to the file of the deployment, and the file of the deployment to default.json', () => {
    const files = {
      default: { member: { id: 'a' }, bridge: { listenPort: 1, plain: true }, whenIsolated: 'hold' },
      site: { bridge: { listenPort: 2 }, member: { id: 'b' } },
    };
    const config = load(files, { NODE_ENV: 'site', TEST_CLUSTER_BRIDGE_LISTEN_PORT: '3' });
    expect(config).toMatchObject({
      member: { id: 'b' },
      bridge: { listenPort: 3, plain: true },
      whenIsolated: 'hold',
    });
  });

  test('reads every setting from its environment variable', () => {
    const config = load(
      {},
      {
        TEST_CLUSTER_MEMBER_ID: '7',
        TEST_CLUSTER_BRIDGE_PEERS: '[{"id":"b","port":1884}]',
        TEST_CLUSTER_BRIDGE_URLS: 'mqtt://b:1883, mqtt://c:1883',
        TEST_CLUSTER_BRIDGE_PLAIN: 'true',
        TEST_CLUSTER_WHEN_ISOLATED: 'hold',
        TEST_CLUSTER_PASSWORD: '12345678',
        TEST_CLUSTER_BRIDGE_LISTEN_PORT: '',
      },
    );
    expect(config).toEqual({
      member: { id: '7' },
      bridge: {
        listenPort: 1884,
        peers: [{ id: 'b', port: 1884 }],
        urls: ['mqtt://b:1883', 'mqtt://c:1883'],
        plain: true,
      },
      whenIsolated: 'hold',
      password: '12345678',
    });
  });

  test('reads settings as JSON from NODE_CONFIG', () => {
    expect(load({}, { NODE_CONFIG: '{"member":{"id":"x"}}' }).member.id).toBe('x');
  });

  test('rejects malformed JSON in NODE_CONFIG with a one-line error', () => {
    expect(errorOf({}, { NODE_CONFIG: '{"member":' })).toBe(
      'Configuration: the files cannot be read: NODE_CONFIG: line 1, column 11 (the end of the text): the text is not JSON',
    );
  });

  test('prefers NODE_CONFIG to local.json, and custom-environment-variables.json to NODE_CONFIG', () => {
    const files = {
      default: { member: { id: 'default' }, bridge: { listenPort: 1, urls: ['default'] } },
      local: { member: { id: 'local' }, bridge: { listenPort: 2 } },
      'custom-environment-variables': { member: { id: 'LOAD_CONFIG_TEST_ID' } },
    };
    process.env['LOAD_CONFIG_TEST_ID'] = 'custom';
    try {
      const inline = JSON.stringify({ member: { id: 'inline' }, bridge: { listenPort: 3 } });
      const config = load(files, { NODE_CONFIG: inline });
      expect(config).toMatchObject({
        member: { id: 'custom' },
        bridge: { listenPort: 3, urls: ['default'] },
      });
    } finally {
      delete process.env['LOAD_CONFIG_TEST_ID'];
    }
  });

  test('reads the files of every deployment in NODE_CONFIG_ENV, in order', () => {
    const files = {
      default: { member: { id: 'a' }, bridge: { listenPort: 1 } },
      site: { bridge: { listenPort: 2 }, whenIsolated: 'hold' },
      rack: { bridge: { listenPort: 3 } },
    };
    expect(load(files, { NODE_ENV: 'other', NODE_CONFIG_ENV: 'site,rack' })).toMatchObject({
      bridge: { listenPort: 3 },
      whenIsolated: 'hold',
    });
  });

  test('leaves the environment variables of the process unchanged', () => {
    const before = { ...process.env };
    load({ default: { member: { id: 'a' } } }, { NODE_CONFIG: '{}', NODE_ENV: 'site' });
    expect(process.env).toEqual(before);
    expect(process.env['NODE_CONFIG_DIR']).toBeUndefined();
  });

  test.each([
    [
      'a missing value',
      {},
      {},
      'Configuration: member.id is missing, it must be a string (TEST_CLUSTER_MEMBER_ID)',
    ],
    [
      'an unknown key',
      { member: { id: 'a' }, bridge: { port: 1 } },
      {},
      'Configuration: bridge.port is not a known setting (known settings: listenPort, peers, urls, plain)',
    ],
    [
      'an unknown key in a list',
      { member: { id: 'a' }, bridge: { peers: [{ id: 'b', port: 1, hots: 'b' }] } },
      {},
      'Configuration: bridge.peers.0.hots is not a known setting (known settings: id, port) (TEST_CLUSTER_BRIDGE_PEERS)',
    ],
    [
      'a wrong type',
      { member: { id: 'a' } },
      { TEST_CLUSTER_BRIDGE_LISTEN_PORT: 'high' },
      'Configuration: bridge.listenPort is "high", but must be a number (TEST_CLUSTER_BRIDGE_LISTEN_PORT)',
    ],
    [
      'a number out of bounds',
      { member: { id: 'a' }, bridge: { listenPort: 70_000 } },
      {},
      'Configuration: bridge.listenPort is 70000, but must be at most 65535 (TEST_CLUSTER_BRIDGE_LISTEN_PORT)',
    ],
    [
      'a value outside an enumeration',
      { member: { id: 'a' }, whenIsolated: 'wait' },
      {},
      'Configuration: whenIsolated is "wait", but must be one of "accept", "hold" (TEST_CLUSTER_WHEN_ISOLATED)',
    ],
    [
      'a string that does not match the pattern',
      { member: { id: 'A' } },
      {},
      'Configuration: member.id is "A", but must match /^[a-z0-9.-]{1,32}$/ (TEST_CLUSTER_MEMBER_ID)',
    ],
    [
      'an invalid secret (the message does not show its value)',
      { member: { id: 'a' }, password: 'hunter2' },
      {},
      'Configuration: password is set (not shown), but must have a length of at least 8 (TEST_CLUSTER_PASSWORD)',
    ],
    [
      'an environment variable with the prefix that belongs to no setting',
      { member: { id: 'a' } },
      { TEST_CLUSTER_MEMBERID: 'b' },
      'Configuration: the environment variable TEST_CLUSTER_MEMBERID does not name a setting',
    ],
    [
      'two problems at once',
      { member: { id: 'a' }, whenIsolated: 'wait', more: 1 },
      {},
      'Configuration: more is not a known setting (known settings: member, bridge, whenIsolated, password); ' +
        'whenIsolated is "wait", but must be one of "accept", "hold" (TEST_CLUSTER_WHEN_ISOLATED)',
    ],
  ])('rejects %s with a one-line error', (_name, file, environment, message) => {
    expect(errorOf({ default: file }, environment)).toBe(message);
  });

  test('reports the name of a file that is not valid JSON', () => {
    writeFileSync(join(directory, 'default.json'), '{ member: ');
    expect(errorOf({})).toContain(join(directory, 'default.json'));
  });

  test('rejects a file that is not UTF-8, with the file and the line', () => {
    const file = join(directory, 'local.json');
    writeFileSync(file, Buffer.from('{\n"member": {"id": "\xEF"}}', 'latin1'));
    expect(errorOf({})).toBe(
      `Configuration: the files cannot be read: Cannot parse config file: '${file}': TextError: line 2: the text is not UTF-8`,
    );
  });

  test.each(['custom-environment-variables.json', 'production.yaml', 'local.json5'])(
    'rejects a byte that is not UTF-8 in %s, also in a comment',
    (name) => {
      const comments = name.endsWith('json')
        ? '{"\xEF": "X"}'
        : name.endsWith('yaml')
          ? '# \xEF\n'
          : '// \xEF\n{}';
      writeFileSync(join(directory, name), Buffer.from(comments, 'latin1'));
      expect(errorOf({})).toContain(`${name}': TextError: line 1: the text is not UTF-8`);
    },
  );

  test.each(['another-deployment.json', 'notes.yaml', 'local.json.orig'])(
    'ignores the file %s, which it does not load, also if it is not UTF-8',
    (name) => {
      writeFileSync(join(directory, name), Buffer.from('{"\xEF": 1}', 'latin1'));
      expect(load({ default: { member: { id: 'a' } } }).member.id).toBe('a');
    },
  );

  test('accepts a missing directory of configuration files', () => {
    const config = loadConfig(schema, {
      prefix: 'TEST_CLUSTER',
      directory: join(directory, 'absent'),
      environment: { TEST_CLUSTER_MEMBER_ID: 'a' },
    });
    expect(config.member.id).toBe('a');
  });
});
