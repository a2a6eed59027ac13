import { parseDefinition } from '../src/definition.ts';
import { checkDefinition } from '../src/index.ts';

const rule = { direction: 'out', filter: 'a/#' };
const base = { addresses: ['mqtt://broker:1883'], rules: [rule] };

function faultOf(change: object): string | null {
  return checkDefinition({ ...base, ...change }).fault;
}

test('a definition that is not UTF-8 is refused with its line', () => {
  const text = JSON.stringify({ ...base, rules: [{ ...rule, filter: 'gehe\xEFm' }] }, null, 1);
  expect(parseDefinition(Buffer.from(text, 'latin1')).fault).toBe('line 8: the text is not UTF-8');
});

test('a definition that is not JSON is refused with its line', () => {
  expect(parseDefinition(Buffer.from('{\n"rules": [,]}')).fault).toBe(
    'line 2, column 11: the text is not JSON',
  );
});

test('a definition with an address and one rule is complete: the other fields have defaults', () => {
  expect(checkDefinition(base)).toEqual({
    fault: null,
    definition: {
      kind: 'mqtt',
      addresses: ['mqtt://broker:1883'],
      protocol: '5.0',
      bridge: true,
      keepAliveSeconds: 10,
      inFlightMax: 100,
      packetBytesMax: 262_144,
      hopsMax: 1,
      paused: false,
      rules: [
        { direction: 'out', filter: 'a/#', localPrefix: '', remotePrefix: '', qosMax: 1, retained: 'no' },
      ],
    },
  });
});

test.each([
  [
    'an address with a password in it',
    { addresses: ['mqtt://ann:secret@broker'] },
    'addresses[0]: must be mqtt://',
  ],
  ['an address of another protocol', { addresses: ['http://broker'] }, 'addresses[0]: must be mqtt://'],
  ['no rule', { rules: [] }, 'rules: '],
  ['a field that does not exist', { password: 'secret' }, 'the definition: '],
  [
    'a file in a folder',
    { username: 'ann', passwordFile: '../secret' },
    'passwordFile: must be the name of a file',
  ],
  ['a hidden file', { username: 'ann', passwordFile: '.secret' }, 'passwordFile: must be the name of a file'],
  ['a password without a user', { passwordFile: 'secret' }, 'passwordFile: a password needs a user name'],
  [
    'a certificate without a key',
    { addresses: ['mqtts://b'], tls: { cert: 'c' } },
    'tls: must set key and cert',
  ],
  [
    'TLS files for an address without TLS',
    { tls: { ca: 'ca.pem' } },
    'tls: the address mqtt://broker:1883 does not use TLS',
  ],
  [
    'a filter that is none',
    { rules: [{ direction: 'out', filter: 'a/#/b' }] },
    'rule 1: a/#/b is not a topic filter',
  ],
  [
    'a wildcard in a prefix',
    { rules: [{ ...rule, localPrefix: '+/' }] },
    'rule 1: a prefix must have no wildcard',
  ],
  [
    'a shared subscription',
    { rules: [{ direction: 'in', filter: '$share/g/a' }] },
    'rule 1: a shared subscription',
  ],
  [
    'topics of the members',
    { rules: [{ direction: 'in', filter: 'a', localPrefix: '$cluster/links/' }] },
    'rule 1: topics of the cluster that begin with $',
  ],
  [
    'topics of the other server',
    { rules: [{ direction: 'out', filter: 'a', remotePrefix: '$SYS/' }] },
    'rule 1: the other broker accepts no topics',
  ],
  [
    'a topic for copies with a wildcard',
    { keptAside: 'aside/#' },
    'keptAside: aside/# is not a topic for it, because it contains +, # or U+0000; use',
  ],
  [
    'a topic for copies that ends with /',
    { keptAside: 'aside/' },
    'keptAside: aside/ is not a topic for it, because it ends with /; use',
  ],
  [
    'a topic for copies without a rule out',
    { keptAside: 'aside', rules: [{ direction: 'in', filter: 'a' }] },
    'keptAside: only messages of rules with the direction out are kept aside',
  ],
  ['a rate of no message', { ratePerSecondMax: 0 }, 'ratePerSecondMax: '],
  ['a rate that is no whole number', { ratePerSecondMax: 1.5 }, 'ratePerSecondMax: '],
  [
    'a rate for a stream',
    { kind: 'jetstream', addresses: ['nats://n'], jetstream: { stream: 'S' }, ratePerSecondMax: 10 },
    'ratePerSecondMax: is only for the kind mqtt',
  ],
  ['an address of JetStream', { addresses: ['nats://n'] }, 'which needs mqtt, mqtts, ws or wss'],
  [
    'a stream for an MQTT broker',
    { jetstream: { stream: 'S' } },
    'jetstream: is only for the kind jetstream',
  ],
  ['no stream', { kind: 'jetstream', addresses: ['nats://n'] }, 'needs the name of its stream'],
  [
    'an address of an MQTT broker for a stream',
    { kind: 'jetstream', addresses: ['nats://n', 'mqtt://n'], jetstream: { stream: 'S' } },
    'addresses: mqtt://n is no address for the kind jetstream',
  ],
  [
    'a stream with dots',
    { kind: 'jetstream', addresses: ['nats://n'], jetstream: { stream: 'S.a' } },
    'jetstream.stream: must be 1 to 64 characters',
  ],
  [
    'messages that end before the duplicate window',
    { kind: 'jetstream', addresses: ['nats://n'], jetstream: { stream: 'S', ageSecondsMax: 3_599 } },
    'jetstream: ageSecondsMax is 3599 and duplicateWindowSeconds 3600: the server creates no stream',
  ],
  [
    'a rule without a subject',
    {
      kind: 'jetstream',
      addresses: ['tls://n'],
      tls: { ca: 'ca.pem' },
      jetstream: { stream: 'S' },
      rules: [{ direction: 'in', filter: 'a b/#' }],
    },
    'rule 1: a b/# has no subject in NATS: a subject must not contain spaces',
  ],
  [
    'a presence with a wildcard',
    { presence: 'sites/+' },
    'presence: sites/+ is not a topic for it, because it contains +, # or U+0000; use a topic such as sites/north',
  ],
  ['a presence in the topics of the other broker', { presence: '$SYS/broker/uptime' }, 'it begins with $'],
  [
    'a presence in a stream',
    { kind: 'jetstream', addresses: ['nats://n'], jetstream: { stream: 'S' }, presence: 'sites/north' },
    'presence: is only for the kind mqtt',
  ],
])('a definition with %s is refused with one sentence', (_name, change, sentence) => {
  expect(faultOf(change)).toContain(sentence);
});

test('the presence may have the topic of a mosquitto bridge', () => {
  expect(faultOf({ presence: '$SYS/broker/connection/north/state' })).toBeNull();
});

const ring = [
  { direction: 'out', filter: 'a/#', remotePrefix: 'x/' },
  { direction: 'in', filter: '+/a/b' },
];

test('a rule that would loop is refused if neither No Local nor the bridge bit stops it', () => {
  expect(faultOf({ protocol: '3.1.1', bridge: false, rules: ring })).toMatch(
    /^rule 1: would loop with rule 2/,
  );
  expect(faultOf({ protocol: '3.1.1', bridge: true, rules: ring })).toBeNull();
  expect(faultOf({ protocol: '5.0', bridge: false, rules: ring })).toBeNull();
  const apart = [ring[0], { direction: 'in', filter: 'b/#' }];
  expect(faultOf({ protocol: '3.1.1', bridge: false, rules: apart })).toBeNull();
});

test('a definition without a rate is written with the fields of the version before, which refuses others', () => {
  const stored = JSON.stringify(checkDefinition(base).definition);
  expect(Object.keys(parseDefinition(Buffer.from(stored)).definition!).toSorted()).toEqual([
    'addresses',
    'bridge',
    'hopsMax',
    'inFlightMax',
    'keepAliveSeconds',
    'kind',
    'packetBytesMax',
    'paused',
    'protocol',
    'rules',
  ]);
  expect(checkDefinition({ ...base, ratePerSecondMax: 90 }).definition!.ratePerSecondMax).toBe(90);
});

test('a stored definition whose stream keeps messages for less than the duplicate window stays valid', () => {
  const jetstream = { stream: 'S', ageSecondsMax: 600 };
  const definition = { ...base, kind: 'jetstream', addresses: ['nats://n'], jetstream };
  expect(checkDefinition(definition).fault).toMatch(/^jetstream: ageSecondsMax is 600/);
  expect(parseDefinition(Buffer.from(JSON.stringify(definition))).fault).toBeNull();
});

test('a stream may keep its messages for exactly the duplicate window', () => {
  const jetstream = { stream: 'S', ageSecondsMax: 60, duplicateWindowSeconds: 60 };
  expect(faultOf({ kind: 'jetstream', addresses: ['nats://n'], jetstream })).toBeNull();
});
