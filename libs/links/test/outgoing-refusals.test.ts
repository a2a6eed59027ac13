import { refusalsMax } from '../src/link/back-off.ts';
import { fruitlessConnectionsMax } from '../src/link/fruitless-connections.ts';
import { RefusedTopics, refusedTopicsMax } from '../src/link/refused-topics.ts';
import { limits, OutgoingHalf as Half } from './support/outgoing-half.ts';

test('a message that the other broker refuses is dropped and counted with its reason, and the next one follows', () => {
  const half = new Half();
  half.outgoing.onConnected({ ...limits, receiveMaximum: 1 });
  half.deliver(1, 1);
  half.deliver(40_000, 2);
  half.outgoing.onPuback(1, 0x87);
  expect(half.faults).toEqual([
    'message on t/1 dropped: the other broker refused it: the user is not authorized',
  ]);
  half.outgoing.onPubrec(40_000, 0x99);
  expect(half.takeInputs()).toEqual(['puback 1', 'pubrec 40000 refused']);
  expect(half.counters.dropped.refused).toBe(2);
  expect(half.counters.sent).toEqual([0, 0, 0]);
});

test.each([0x97, 0x83, 0x80])(
  'a message that the other broker refuses with %i is sent again after a pause, before the messages behind it',
  (reasonCode) => {
    const half = new Half();
    half.outgoing.onConnected(limits);
    half.deliver(1, 1);
    half.deliver(40_000, 2);
    half.take();
    half.outgoing.onPuback(1, reasonCode);
    half.outgoing.onPubrec(40_000, reasonCode);
    half.deliver(2, 1);
    expect([half.take(), half.takeInputs()]).toEqual([[], []]);
    half.pause!.end();
    expect(half.take()).toEqual(['publish 1 qos1']);
    half.outgoing.onPuback(1);
    expect(half.take()).toEqual(['publish 40000 qos2', 'publish 2 qos1']);
    expect(half.takeInputs()).toEqual(['puback 1']);
    expect(half.counters.dropped.refused).toBe(0);
  },
);

test('a message that the other broker always refuses is dropped after a bounded number of attempts', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  half.deliver(1, 1);
  const pauses: number[] = [];
  for (let refusal = 0; refusal < refusalsMax; refusal++) {
    expect(half.takeInputs()).toEqual([]);
    half.outgoing.onPuback(1, 0x97);
    if (half.pause !== null) pauses.push(half.pause.ms);
    half.pause?.end();
  }
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.counters.dropped.refused).toBe(1);
  expect(pauses).toHaveLength(refusalsMax - 1);
  expect(pauses.slice(0, 6)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000]);
  half.deliver(2, 1);
  expect(half.take().at(-1)).toBe('publish 2 qos1');
});

describe('a topic of which a message was dropped after all of its attempts', () => {
  const bad = { message: { topic: 'bad', payload: Buffer.from('x'), qos: 1, retain: false } } as const;

  /** Drops the message 1 of the topic `bad`. */
  function dropped(): Half {
    const half = new Half();
    half.outgoing.onConnected(limits);
    half.deliver(1, 1, bad);
    for (let refusal = 0; refusal < refusalsMax; refusal++) {
      half.outgoing.onPuback(1, 0x97);
      half.pause?.end();
    }
    expect(half.takeInputs()).toEqual(['puback 1']);
    half.take();
    return half;
  }

  it('has one attempt for each message, and the messages behind it do not wait', () => {
    const half = dropped();
    half.deliver(2, 1, bad);
    half.deliver(40_000, 2, bad);
    half.deliver(3, 1);
    half.outgoing.onPuback(2, 0x97);
    half.outgoing.onPubrec(40_000, 0x80);
    expect(half.pause).toBeNull();
    expect(half.take()).toEqual(['publish 2 qos1', 'publish 40000 qos2', 'publish 3 qos1']);
    expect(half.takeInputs()).toEqual(['puback 2', 'pubrec 40000 refused']);
    expect(half.counters.dropped.refused).toBe(3);
    half.outgoing.onPuback(3);
    half.deliver(4, 1);
    half.deliver(5, 1);
    expect(half.take()).toEqual(['publish 4 qos1', 'publish 5 qos1']);
  });

  it.each([
    ['ten minutes have passed since the last drop', 600_000, undefined],
    ['the other broker has accepted a message of it', 0, 0],
  ])('has all attempts again when %s', (_what, ms, reasonCode) => {
    const half = dropped();
    half.nowMs = 599_999;
    half.deliver(2, 1, bad);
    half.outgoing.onPuback(2, reasonCode ?? 0x97);
    expect(half.takeInputs()).toEqual(['puback 2']);
    half.nowMs += ms;
    half.deliver(3, 1, bad);
    half.outgoing.onPuback(3, 0x97);
    expect(half.takeInputs()).toEqual([]);
    expect(half.pause!.ms).toBe(500);
  });

  it('is remembered for the last thousand topics', () => {
    const topics = new RefusedTopics(() => 0);
    for (let topic = 0; topic <= refusedTopicsMax; topic++) topics.onDropped(String(topic));
    expect(['0', '1', String(refusedTopicsMax)].map((topic) => topics.has(topic))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

test('a topic in a message to people is short and has no control characters', () => {
  const half = new Half();
  half.outgoing.onConnected({ ...limits, packetBytesMax: 1_000 });
  const message = {
    topic: `a\n${'b'.repeat(200)}`,
    payload: Buffer.alloc(0),
    qos: 1,
    retain: false,
  } as const;
  half.deliver(1, 1, { message });
  half.outgoing.onPuback(1, 0x97);
  half.pause!.end();
  half.outgoing.onPuback(1, 0x87);
  half.deliver(2, 1, { message: { ...message, payload: Buffer.alloc(1_000) } });
  half.deliver(3, 1, { message });
  for (let connection = 0; connection < fruitlessConnectionsMax + 2; connection++) {
    half.outgoing.onConnected(limits);
    half.outgoing.onDisconnected('closed');
  }
  const shown = `message on a?${'b'.repeat(98)}... `;
  expect(half.faults).toHaveLength(4);
  for (const fault of half.faults) expect(fault.slice(0, shown.length)).toBe(shown);
});

test('messages behind a refused QoS 2 message follow as soon as the other broker has accepted it', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  half.deliver(40_000, 2);
  half.outgoing.onPubrec(40_000, 0x97);
  half.deliver(40_001, 2);
  half.take();
  half.pause!.end();
  expect(half.take()).toEqual(['publish 40000 qos2']);
  half.outgoing.onPubrec(40_000);
  expect(half.take()).toEqual(['publish 40001 qos2']);
});

test('a pause after a refusal ends with the connection', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  half.deliver(1, 1);
  half.outgoing.onPuback(1, 0x97);
  half.take();
  half.outgoing.onDisconnected('closed');
  expect(half.pause).toBeNull();
  half.outgoing.onConnected(limits);
  expect(half.take()).toEqual(['publish 1 qos1']);
});
