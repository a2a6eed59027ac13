import { Readable } from 'node:stream';
import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import { answering, FakeApi, gaps } from './support/fake-api.ts';
import { run } from './support/run.ts';

let api: FakeApi;

afterEach(() => api.stop());

const done = { ok: true, text: 'the link plant is defined' };

const plant = {
  name: 'plant',
  definition: { addresses: ['mqtt://b:1883'] },
  state: 'connecting',
  member: 'm2',
  address: null,
  error: 'mqtt://b:1883: the host is unreachable',
  lagMessages: 12,
  lagSeconds: 1,
  sent: [1, 2, 3],
  received: [4, 5, 6],
  dropped: { refused: 1, queue: 2 },
  reconnects: 0,
  possibleDuplicates: 0,
  keptAside: 0,
  members: [],
};

async function against(table: Readonly<Record<string, unknown>>, ...argv: string[]): ReturnType<typeof run> {
  api = await FakeApi.start(answering(table));
  return run([...argv, '--server', api.url]);
}

test('links prints the state of each link, and the reason of a fault', async () => {
  const { status, out, err } = await against({ 'GET /links': { links: [plant], ...gaps } }, 'links');
  expect(status).toBe(0);
  expect(out.trimEnd().split('\n')[1]!.split(/ +/)).toEqual([
    'plant',
    'connecting',
    'm2',
    'mqtt://b:1883',
    '12',
    '6',
    '15',
    '3',
  ]);
  expect(err).toContain('plant: mqtt://b:1883: the host is unreachable');
});

test('control characters in the sentences of a link are escaped: a topic could contain a command for the terminal', async () => {
  const hostile = 'message on a\u001b[2J\u202e dropped';
  const shown = 'message on a\\u001b[2J\\u202e dropped';
  const listed = await against({ 'GET /links': { links: [{ ...plant, error: hostile }], ...gaps } }, 'links');
  expect(listed.err).toContain(`plant: ${shown}`);
  api.stop();
  const changed = await against(
    { 'POST /links/plant/pause': { ok: true, text: hostile } },
    'links',
    'pause',
    'plant',
  );
  expect(changed.out).toBe(`${shown}\n`);
  api.stop();
  const tested = await against(
    { 'POST /links/plant/test': { ok: false, text: hostile } },
    'links',
    'test',
    'plant',
  );
  expect(tested.out).toBe(`${shown}\n`);
});

test('links add defines a link to a stream if the address is one of NATS', async () => {
  const options = [
    '--address',
    'nats://n',
    '--stream',
    'S',
    '--replicas',
    '1',
    '--syncs-always',
    '--in',
    'a/#',
  ];
  const { status } = await against({ 'PUT /links/hub': done }, 'links', 'add', 'hub', ...options);
  expect(status).toBe(0);
  expect(api.requests.at(-1)!.body).toEqual({
    kind: 'jetstream',
    addresses: ['nats://n'],
    jetstream: { stream: 'S', replicas: 1, syncsAlways: true },
    rules: [{ direction: 'in', filter: 'a/#' }],
  });
});

test('links add sends the rules of its options: a comma in a filter is no option', async () => {
  const options = [
    '--address',
    'mqtts://b',
    '--tls-ca',
    'ca.pem',
    '--username',
    'ann',
    '--password-file',
    'pw',
    '--kept-aside',
    'aside/plant',
    '--presence',
    'sites/north',
    '--rate-per-second-max',
    '90',
  ];
  const rules = ['--out', 'a,b/#,qos=2,retained=live,remote=n/', '--in', 'c/#,local=x=y/'];
  const { status } = await against(
    { 'PUT /links/plant': done },
    'links',
    'add',
    'plant',
    ...options,
    ...rules,
  );
  expect(status).toBe(0);
  expect(api.requests.at(-1)!.body).toEqual({
    addresses: ['mqtts://b'],
    username: 'ann',
    passwordFile: 'pw',
    keptAside: 'aside/plant',
    presence: 'sites/north',
    ratePerSecondMax: 90,
    tls: { ca: 'ca.pem' },
    rules: [
      { direction: 'out', filter: 'a,b/#', qosMax: 2, retained: 'live', remotePrefix: 'n/' },
      { direction: 'in', filter: 'c/#', localPrefix: 'x=y/' },
    ],
  });
});

test('links add --file - reads the definition from standard input', async () => {
  const definition = { addresses: ['mqtt://b'], rules: [{ direction: 'out', filter: 'a/#' }] };
  const input = Object.getOwnPropertyDescriptor(process, 'stdin')!;
  const value = Readable.from([Buffer.from(JSON.stringify(definition))]);
  Object.defineProperty(process, 'stdin', { value, configurable: true });
  try {
    const { status } = await against({ 'PUT /links/plant': done }, 'links', 'add', 'plant', '--file', '-');
    expect(status).toBe(0);
  } finally {
    Object.defineProperty(process, 'stdin', input);
  }
  expect(api.requests.at(-1)!.body).toEqual(definition);
});

describe('links add --dry-run', () => {
  const options = ['--address', 'mqtt://b:1883', '--out', 'a/#', '--dry-run'];
  const stored = linkDefinitionSchema.parse({
    addresses: ['mqtt://b:1883'],
    rules: [{ direction: 'out', filter: 'a/#' }],
  });
  const compare = (definition: object, ...more: string[]): ReturnType<typeof run> =>
    against(
      { 'GET /links': { links: [{ ...plant, definition }], ...gaps } },
      'links',
      'add',
      'plant',
      ...options,
      ...more,
    );

  test('prints that the link has the definition, if only defaults are missing in it', async () => {
    const { status, out } = await compare(stored);
    expect([status, out]).toEqual([0, 'the link plant has this definition\n']);
  });

  test.each([
    ['a field with another value', { ...stored, keepAliveSeconds: 20 }],
    ['a field that the definition does not have', { ...stored, presence: 'sites/north' }],
    ['another rule', { ...stored, rules: [{ ...stored.rules[0], qosMax: 2 }] }],
  ])('prints that %s would be replaced, and changes nothing', async (_what, definition) => {
    const { out } = await compare(definition, '--json');
    expect(JSON.parse(out)).toEqual({ name: 'plant', differs: true });
    expect(api.requests.map(({ method }) => method)).not.toContain('PUT');
  });

  test('prints that a link is missing', async () => {
    const { out } = await against(
      { 'GET /links': { links: [], ...gaps } },
      'links',
      'add',
      'plant',
      ...options,
    );
    expect(out).toBe('the link plant would be added\n');
  });

  test('reports a field that is wrong', async () => {
    const { status, err } = await against(
      { 'GET /links': { links: [], ...gaps } },
      'links',
      'add',
      'plant',
      ...options,
      '--protocol',
      '4',
    );
    expect(status).toBe(1);
    expect(err).toContain('protocol');
  });
});

test.each([
  [['--out', 'a'], '--address is missing'],
  [['--address', 'mqtt://b'], 'a rule is missing'],
])('links add %j is refused before any request', async (options, sentence) => {
  const { status, err } = await against({}, 'links', 'add', 'plant', ...options);
  expect([status, api.requests.length]).toEqual([2, 0]);
  expect(err).toContain(sentence);
});

test('links test prints the result, and its status is 1 if the connection fails', async () => {
  const result = { ok: false, text: 'mqtt://b: the connection was refused' };
  const { status, out } = await against({ 'POST /links/plant/test': result }, 'links', 'test', 'plant');
  expect([status, out]).toEqual([1, 'mqtt://b: the connection was refused\n']);
});
