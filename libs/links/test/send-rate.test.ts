import { limits, OutgoingHalf as Half } from './support/outgoing-half.ts';

const rate = 20;
/** What the bucket holds: the messages of a tenth of a second. */
const burst = 2;

function connected(ratePerSecondMax = rate): Half {
  const half = new Half({ ratePerSecondMax });
  half.outgoing.onConnected({ ...limits, receiveMaximum: 100 });
  return half;
}

/** Lets time pass while the other broker acknowledges at once, and returns the time of each PUBLISH by its packet id. */
function publishesOf(half: Half, ms: number): Map<number, number> {
  const times = new Map<number, number>();
  const answer = (): void => {
    for (const packet of half.sent.splice(0)) {
      times.set(packet.messageId!, half.nowMs);
      half.outgoing.onPuback(packet.messageId!);
    }
  };
  answer();
  half.elapse(ms, answer);
  return times;
}

test.each([1, 7, 20, 1_000])(
  'a link with at most %i messages a second sends no more in any second, and no fewer while messages wait',
  (perSecond) => {
    const half = connected(perSecond);
    const seconds = 3;
    for (let id = 1; id <= 5 * perSecond + 10; id++) half.deliver(id, 1);
    const times = [...publishesOf(half, seconds * 1_000).values()];
    const most = perSecond + Math.max(1, perSecond / 10);
    for (const start of times)
      expect(times.filter((each) => each >= start && each < start + 1_000).length).toBeLessThanOrEqual(most);
    expect(times.length).toBeGreaterThanOrEqual(seconds * perSecond);
  },
);

test('messages beyond the rate wait, and are sent and acknowledged in the order of their delivery', () => {
  const half = connected();
  const ids = [5, 3, 9, 1, 7];
  for (const id of ids) half.deliver(id, 1);
  expect(half.take()).toEqual(['publish 5 qos1', 'publish 3 qos1']);
  expect(half.takeInputs()).toEqual([]);
  const rest = publishesOf(half, 1_000);
  expect([...rest.keys()]).toEqual([9, 1, 7]);
  expect(half.takeInputs()).toEqual(['puback 9', 'puback 1', 'puback 7']);
  expect(half.counters.dropped).toEqual(new Half().counters.dropped);
});

test('a link without a bound sends every message at once', () => {
  const half = new Half();
  half.outgoing.onConnected({ ...limits, receiveMaximum: 100 });
  for (let id = 1; id <= 100; id++) half.deliver(id, 1);
  expect(half.take()).toHaveLength(100);
  expect(half.pause).toBeNull();
});

test('a pause of the publishers lets only a tenth of a second of messages follow at once', () => {
  const half = connected();
  half.elapse(60_000);
  for (let id = 1; id <= 10; id++) half.deliver(id, 1);
  expect(half.take()).toHaveLength(burst);
});

test('QoS 0 messages beyond the rate are dropped as slow, and do not delay the message after them', () => {
  const half = connected();
  for (let message = 0; message < 1_000; message++) half.deliver(0, 0);
  expect(half.take()).toHaveLength(burst);
  expect(half.counters.dropped.slow).toBe(1_000 - burst);
  half.elapse(1_000 / rate);
  half.deliver(0, 0);
  expect(half.take()).toHaveLength(1);
});

test('a QoS 0 message that comes before the timer takes no token from a message that waits', () => {
  const half = connected();
  for (let id = 1; id <= 5; id++) half.deliver(id, 1);
  half.take();
  for (let id = burst + 1; id <= 5; id++) {
    half.nowMs += 1_000 / rate;
    half.deliver(0, 0);
    half.pause!.end();
    expect(half.take()).toEqual([`publish ${id} qos1`]);
  }
});

test('messages that a reconnect sends again count, and PUBREL does not', () => {
  const half = connected();
  half.deliver(40_000, 2);
  half.outgoing.onPubrec(40_000);
  half.outgoing.onPubrel(40_000);
  half.deliver(1, 1);
  half.deliver(2, 1);
  half.take();
  half.outgoing.onDisconnected('other');
  expect(half.pause).toBeNull();
  half.outgoing.onConnected(limits);
  expect(half.take()).toEqual(['pubrel 40000']);
  half.elapse(1_000 / rate);
  expect(half.take()).toEqual(['publish 1 qos1 dup']);
  half.elapse(1_000 / rate);
  expect(half.take()).toEqual(['publish 2 qos1']);
});

test('a message that expires while it waits takes no room of the rate', () => {
  const half = connected();
  for (const id of [1, 2]) half.deliver(id, 1);
  for (const id of [3, 4]) half.deliver(id, 1, { expirySeconds: 0 });
  half.deliver(5, 1);
  half.take();
  half.elapse(1_000 / rate);
  expect(half.take()).toEqual(['publish 5 qos1']);
  expect(half.counters.dropped.expired).toBe(2);
});
