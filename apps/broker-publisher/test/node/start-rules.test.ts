import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, silentLogger } from '@mqtt-cluster/contracts';
import type { Logger } from '@mqtt-cluster/contracts';
import { requiring, TestAuthority } from '@mqtt-cluster/testing';
import { configSchema } from '../../src/config.ts';
import { Appliance } from '../../src/node/appliance.ts';
import { checkConfig, checkStartFiles, doorsOf } from '../../src/node/check-config.ts';
import { checkStartRules, openDoors, warnOfOpenDoors } from '../../src/node/start-rules.ts';

const base = { id: 'a', host: '127.0.0.1', peers: ['a=127.0.0.1:7883'] };
const open = { ...base, lab: true, mqtt: { anonymous: true } };
const parse = (settings: object) => configSchema.parse(settings);

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'start-rules-'))));
afterEach(() => rmSync(directory, { recursive: true }));

function faultOf(act: () => void): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).not.toContain('\n');
    return (error as Error).message;
  }
  return '';
}

test('a listener without a provider and without anonymous stops the start, and the error names both settings', () => {
  const fault = faultOf(() => checkStartRules(parse({ ...base, lab: true })));
  expect(fault).toContain('the listener "default" admits no clients');
  expect(fault).toContain('MQTT_CLUSTER_MQTT_AUTHENTICATION, MQTT_CLUSTER_MQTT_ANONYMOUS');
  expect(fault).not.toContain('cluster port');
});

test('each listener needs a provider or anonymous, and the error names the setting of the listener', () => {
  const listeners = [
    { name: 'open', port: 1, anonymous: true },
    { name: 'closed', port: 2 },
  ];
  const fault = faultOf(() => checkStartRules(parse({ ...base, lab: true, mqtt: { listeners } })));
  expect(fault).toMatch(
    /^[^;]*the listener "closed" admits no clients: set mqtt\.listeners\.1\.authentication[^;]*$/,
  );
});

test('a member without mutual TLS does not start outside a lab, and the error names the settings', () => {
  const fault = faultOf(() => checkStartRules(parse({ ...base, mqtt: { authentication: ['cluster'] } })));
  expect(fault).toMatch(/cluster port has no mutual TLS.*MQTT_CLUSTER_TLS_KEY.*MQTT_CLUSTER_LAB/);
});

test('one error names everything that an existing deployment must set before an update', () => {
  const fault = faultOf(() => checkStartRules(parse(base)));
  expect(fault).toContain('MQTT_CLUSTER_MQTT_ANONYMOUS');
  expect(fault).toContain('MQTT_CLUSTER_TLS_KEY');
});

test.each([
  ['anonymous clients in a lab', open],
  ['users of the cluster in a lab', { ...base, lab: true, mqtt: { authentication: ['cluster'] } }],
  [
    'certificates between the members',
    { ...base, mqtt: { anonymous: true }, tls: { key: 'k', cert: 'c', ca: 'a' } },
  ],
])('a member may start with %s', (_what, settings) => {
  expect(faultOf(() => checkStartRules(parse(settings)))).toBe('');
});

test('a start with the defaults fails before the member opens its store', async () => {
  const data = join(directory, 'store');
  const appliance = new Appliance({
    config: parse({ ...base, data }),
    logger: silentLogger,
    version: 'test',
    onFatal: () => undefined,
    onStopRequested: () => undefined,
  });
  await expect(appliance.start()).rejects.toThrow(/this member does not start: .*admits no clients/);
  await appliance.stop();
});

test('a member that admits anonymous clients and a member without TLS warn loudly at their start', () => {
  const warnings: string[] = [];
  const warn = (fields: object, text: string) => warnings.push(`${text} ${JSON.stringify(fields)}`);
  const logger = { ...silentLogger, warn } as unknown as Logger;
  warnOfOpenDoors(openDoors(parse(open)), logger);
  expect(warnings).toEqual([
    expect.stringMatching(/^ANONYMOUS CLIENTS: .*"127\.0\.0\.1:1883"/),
    expect.stringMatching(/^LAB: .*"127\.0\.0\.1:7883"/),
  ]);
  warnings.length = 0;
  const closed = { ...base, mqtt: { authentication: ['cluster'] }, tls: { key: 'k', cert: 'c', ca: 'a' } };
  warnOfOpenDoors(openDoors(parse(closed)), logger);
  expect(warnings).toEqual([]);
});

test('a listener without a provider warns that it ignores wrong passwords, and one with a provider does not', () => {
  const listeners = [
    { name: 'open', port: 1, anonymous: true },
    { name: 'mixed', port: 2, anonymous: true, authentication: ['cluster'] },
    { name: 'closed', port: 3, authentication: ['cluster'] },
  ];
  const tls = { key: 'k', cert: 'c', ca: 'a' };
  const doors = openDoors(parse({ ...base, tls, mqtt: { listeners } }));
  expect(doors.map(({ fields }) => fields['listener'])).toEqual(['open', 'mixed']);
  expect(doors[0]!.text).toContain('ignores user names, passwords and tokens, wrong ones included');
  expect(doors[1]!.text).not.toContain('ignores');
});

test('check-config prints a warning for each setting that lets strangers in', async () => {
  const settings = { ...open, data: join(directory, 'store') };
  writeFileSync(join(directory, 'default.json'), JSON.stringify(settings));
  const [first, ...warnings] = (await checkConfig(directory)).split('\n');
  expect(first).toBe('the member a can start with these settings');
  expect(warnings).toEqual([
    expect.stringMatching(
      /^warning: listener default, address 127\.0\.0\.1:1883: ANONYMOUS CLIENTS: .*ignores/,
    ),
    expect.stringMatching(/^warning: address 127\.0\.0\.1:7883: LAB: /),
  ]);
});

requiring('openssl')('a client authority that is also the authority of the cluster', () => {
  test('leads to a warning, and another authority does not', () => {
    const [cluster, clients] = ['cluster', 'clients'].map((name) => new TestAuthority(directory, name));
    const { keyFile: key, certFile: cert } = cluster!.issueServer('a');
    const doorsWith = (ca: string) => {
      const tls = { key, cert, ca, clientCertificate: 'required' };
      const listener = { name: 'mutual', kind: 'tls', port: 1, tls, authentication: ['certificate'] };
      const own = { key, cert, ca: cluster!.caFile };
      const config = parse({ ...base, tls: own, mqtt: { listeners: [listener] } });
      checkStartFiles(config);
      return doorsOf(config);
    };
    expect(doorsWith(clients!.caFile)).toEqual([]);
    const bundle = join(directory, 'bundle.pem');
    writeFileSync(bundle, `${clients!.ca}${cluster!.ca}`);
    for (const ca of [cluster!.caFile, bundle]) {
      expect(doorsWith(ca)).toEqual([
        {
          fields: { listener: 'mutual', file: ca },
          text: expect.stringMatching(/^SHARED AUTHORITY: mqtt\.listeners\.0\.tls\.ca /),
        },
      ]);
    }
  });
});

requiring('openssl')('a certificate for the cluster port', () => {
  test.each([
    ['servers', 'serverAuth', 'clients'],
    ['clients', 'clientAuth', 'servers'],
  ])('that is permitted for %s only stops the start', (_name, extendedKeyUsage, missing) => {
    const authority = new TestAuthority(directory);
    const { keyFile: key, certFile: cert } = authority.issue('a', { extendedKeyUsage });
    const config = parse({ ...open, tls: { key, cert, ca: authority.caFile } });
    expect(faultOf(() => checkStartFiles(config))).toContain(
      `tls: ${cert}: the certificate of CN=a is not permitted for TLS ${missing}`,
    );
  });

  test('that is permitted for both may be used', () => {
    const authority = new TestAuthority(directory);
    const { keyFile: key, certFile: cert } = authority.issue('a', {
      extendedKeyUsage: 'serverAuth,clientAuth',
    });
    checkStartFiles(parse({ ...open, tls: { key, cert, ca: authority.caFile } }));
  });
});

test('the check before an update finds files that the new program cannot use', () => {
  const token = join(directory, 'token');
  const check = (more: object) => faultOf(() => checkStartFiles(parse({ ...open, ...more })));
  expect(check({})).toBe('');
  expect(check({ admin: { tokenFile: token } })).toContain(`the file ${token} cannot be read`);
  writeFileSync(token, 'short');
  expect(check({ admin: { tokenFile: token } })).toContain('at least 16 characters');
  expect(check({ tls: { key: token, cert: token, ca: token } })).toContain(
    `tls: ${token} is not a private key`,
  );
  expect(check({ tls: { key: join(directory, 'none'), cert: token, ca: token } })).toContain(
    'cannot be read',
  );
});
