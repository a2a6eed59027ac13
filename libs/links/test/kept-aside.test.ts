import type { QoS } from '@mqtt-cluster/contracts';
import { copyAttemptsMax } from '../src/link/kept-aside.ts';
import { JetstreamHalf } from './support/jetstream-half.ts';
import { limits, OutgoingHalf } from './support/outgoing-half.ts';

const refused = 'message on t/1 dropped: the other broker refused it: the user is not authorized';
const notAuthorized = 0x87;

function connected(change: object = {}): OutgoingHalf {
  const half = new OutgoingHalf({ keptAside: 'aside/l', ...change });
  half.outgoing.onConnected(limits);
  return half;
}

test('a refused message leaves the queue when the cluster has acknowledged its copy, and not before', () => {
  const half = connected();
  half.deliver(1, 1, {
    message: {
      topic: 't/1',
      payload: Buffer.from('p'),
      qos: 1,
      retain: true,
      properties: { contentType: 'c', userProperties: [['a', 'b']] },
    },
  });
  half.outgoing.onPuback(1, notAuthorized);
  expect(half.takeInputs()).toEqual([]);
  expect(half.copies.all).toEqual([
    {
      topic: 'aside/l/t/1',
      payload: Buffer.from('p'),
      properties: {
        contentType: 'c',
        userProperties: [
          ['a', 'b'],
          ['mqtt-cluster-kept-aside-by', 'l'],
          ['mqtt-cluster-kept-aside-because', refused],
        ],
      },
    },
  ]);
  half.copies.answer('ok');
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect([half.counters.dropped.refused, half.counters.keptAside]).toEqual([1, 1]);
  expect(half.faults).toEqual([refused]);
});

test('a refused QoS 2 message is completed after its copy, also when the cluster has released it meanwhile', () => {
  const half = connected();
  half.deliver(40_000, 2);
  half.outgoing.onPubrec(40_000, notAuthorized);
  expect(half.takeInputs()).toEqual([]);
  half.copies.answer('ok');
  expect(half.takeInputs()).toEqual(['pubrec 40000 refused']);
  half.deliver(40_001, 2);
  half.outgoing.onPubrec(40_001);
  half.outgoing.onDisconnected('other');
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  half.outgoing.onPubrec(40_001, notAuthorized);
  half.outgoing.onPubrel(40_001);
  half.take();
  half.outgoing.onDisconnected('other');
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  expect(half.take()).toEqual([]);
  expect(half.takeInputs()).toEqual(['pubrec 40001']);
  half.copies.answer('ok');
  expect(half.takeInputs()).toEqual(['pubcomp 40001']);
});

test('messages behind it are sent while the cluster has no copy yet, and a new connection does not send it again', () => {
  const half = connected({ inFlightMax: 1 });
  half.deliver(1, 1);
  half.deliver(2, 1);
  half.take();
  half.outgoing.onPuback(1, notAuthorized);
  expect(half.take()).toEqual(['publish 2 qos1']);
  half.outgoing.onPuback(2);
  half.outgoing.onDisconnected('other');
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  half.outgoing.onPuback(1);
  expect(half.take()).toEqual([]);
  expect(half.takeInputs()).toEqual(['puback 2']);
  half.copies.answer('ok');
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.copies.all).toHaveLength(1);
});

test.each([
  ['too large for the link', { packetBytesMax: 1_024 }, 't/1'],
  [
    'on a topic that the rule makes impossible',
    { rules: [{ direction: 'out', filter: '#', remotePrefix: 'x'.repeat(900) }] },
    't'.repeat(65_000),
  ],
])('a message that is %s is kept aside', (_name, change, topic) => {
  const half = connected(change);
  half.deliver(1, 1, { message: { topic, payload: Buffer.alloc(2_000), qos: 1, retain: false } });
  expect(half.takeInputs()).toEqual([]);
  expect(half.copies.all.map((copy) => [copy.topic, copy.payload.length])).toEqual([
    [`aside/l/${topic}`, 2_000],
  ]);
  half.copies.answer('ok');
  expect(half.takeInputs()).toEqual(['puback 1']);
});

test('a copy that nobody is subscribed to ends the message with a fault, and does not count', () => {
  const half = connected();
  half.deliver(1, 1);
  half.outgoing.onPuback(1, notAuthorized);
  half.copies.answer('noSubscribers');
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.counters.keptAside).toBe(0);
  expect(half.faults).toEqual([
    refused,
    'message on t/1 is not kept aside: no session is subscribed to aside/l/t/1',
  ]);
});

test('a copy that the bounds of the cluster refuse is published again, and given up after some attempts', () => {
  const half = connected();
  half.deliver(1, 1);
  half.outgoing.onPuback(1, notAuthorized);
  for (let attempt = 1; attempt < copyAttemptsMax; attempt++) {
    half.copies.answer('quotaExceeded');
    expect(half.takeInputs()).toEqual([]);
    half.copies.endPause!();
  }
  expect(half.copies.all).toHaveLength(copyAttemptsMax);
  half.copies.answer('quotaExceeded');
  expect(half.copies.endPause).toBeNull();
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.counters.keptAside).toBe(0);
  expect(half.faults.at(-1)).toBe(
    'message on t/1 is not kept aside: the bounds of the cluster refuse the copy',
  );
});

test('a copy that only this member has is published again until the cluster has it', () => {
  const half = connected();
  half.deliver(1, 1);
  half.outgoing.onPuback(1, notAuthorized);
  for (let attempt = 0; attempt <= copyAttemptsMax; attempt++) {
    half.copies.answer('degraded');
    half.copies.endPause!();
  }
  expect(half.takeInputs()).toEqual([]);
  half.copies.answer('ok');
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect([half.counters.keptAside, half.faults]).toEqual([1, [refused]]);
});

test('a message that expires before its refusal is not kept aside', () => {
  const half = connected();
  half.deliver(1, 1, { expirySeconds: 10 });
  half.nowMs = 11_000;
  half.outgoing.onPuback(1, notAuthorized);
  expect(half.copies.all).toEqual([]);
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.faults.at(-1)).toBe('message on t/1 is not kept aside: it has expired');
});

test('a message whose copy would have no topic is dropped with a fault', () => {
  const half = connected({ packetBytesMax: 1_024 });
  const topic = 't'.repeat(65_530);
  half.deliver(1, 1, { message: { topic, payload: Buffer.alloc(1), qos: 1, retain: false } });
  expect(half.copies.all).toEqual([]);
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.faults.at(-1)).toMatch(
    /is not kept aside: the topic of the copy is not valid: it has more than 65535 bytes$/,
  );
});

test('a copy is not kept aside again, so that two links do not copy the copies of each other', () => {
  const half = connected();
  const properties = { userProperties: [['mqtt-cluster-kept-aside-by', 'other']] as const };
  half.deliver(1, 1, {
    message: { topic: 't/1', payload: Buffer.alloc(1), qos: 1, retain: false, properties },
  });
  half.outgoing.onPuback(1, notAuthorized);
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.copies.all).toEqual([]);
  expect(half.faults).toEqual([refused, 'message on t/1 is not kept aside: it is a copy itself']);
});

test('a copy has what is left of the Message Expiry Interval', () => {
  const half = connected();
  half.deliver(1, 1, { expirySeconds: 10 });
  half.nowMs = 4_000;
  half.outgoing.onPuback(1, notAuthorized);
  expect(half.copies.all[0]!.properties!.messageExpiryInterval).toBe(6);
});

test.each<[string, QoS, object]>([
  ['a link without the setting', 1, {}],
  ['a message of QoS 0', 0, { keptAside: 'aside/l' }],
])('%s keeps no copy', (_name, qos, change) => {
  const half = new OutgoingHalf({ packetBytesMax: 1_024, ...change });
  half.outgoing.onConnected(limits);
  half.deliver(qos === 0 ? 0 : 1, qos, {}, 'x'.repeat(2_000));
  expect(half.counters.dropped.too_large).toBe(1);
  expect(half.copies.all).toEqual([]);
});

test('an expired message is not kept aside', () => {
  const half = new OutgoingHalf({ keptAside: 'aside/l' });
  half.deliver(1, 1, { expirySeconds: 1 });
  half.nowMs = 2_000;
  half.outgoing.onConnected(limits);
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.copies.all).toEqual([]);
});

test('a message that a stream never accepts leaves the queue when the cluster has its copy, and others follow at once', async () => {
  const half = new JetstreamHalf(0, { keptAside: 'aside/l' });
  half.answer = { kind: 'final', text: 'no' };
  half.deliver(1, 'a');
  await half.connect();
  half.outgoing.onDisconnected();
  half.answer = 'stored';
  half.deliver(2, 'a');
  await half.connect();
  expect([half.stored, half.acknowledged]).toEqual([['a', 'a'], [2]]);
  expect(half.copies.all.map(({ topic }) => topic)).toEqual(['aside/l/a']);
  half.copies.answer('ok');
  expect(half.acknowledged).toEqual([2, 1]);
  expect([half.counters.dropped.refused, half.counters.keptAside]).toEqual([1, 1]);
});

test('a message without a subject in NATS is kept aside', () => {
  const half = new JetstreamHalf(0, { keptAside: 'aside/l' });
  half.deliver(1, 'a b');
  expect(half.acknowledged).toEqual([]);
  half.copies.answer('ok');
  expect(half.acknowledged).toEqual([1]);
});
