import type { IPublishPacket } from 'mqtt-packet';
import { fruitlessConnectionsMax, resetsForOneClose } from '../src/link/fruitless-connections.ts';
import { limits, OutgoingHalf as Half } from './support/outgoing-half.ts';

test('a QoS 1 message is acknowledged in the cluster only after the other broker has acknowledged it', () => {
  const half = new Half();
  half.deliver(7, 1);
  half.outgoing.onConnected(limits);
  expect(half.take()).toEqual(['publish 7 qos1']);
  expect(half.takeInputs()).toEqual([]);
  half.outgoing.onPuback(7);
  expect(half.takeInputs()).toEqual(['puback 7']);
  expect(half.counters.sent).toEqual([0, 1, 0]);
});

test('a QoS 2 exchange has the packet id of the cluster, and PUBREL follows the commit of PUBREC', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  half.deliver(40_000, 2);
  expect(half.take()).toEqual(['publish 40000 qos2']);
  half.outgoing.onPubrec(40_000);
  expect([half.take(), half.takeInputs()]).toEqual([[], ['pubrec 40000']]);
  half.outgoing.onPubrel(40_000);
  expect(half.take()).toEqual(['pubrel 40000']);
  half.outgoing.onPubcomp(40_000);
  expect(half.takeInputs()).toEqual(['pubcomp 40000']);
});

test('another member continues the exchanges: PUBLISH with DUP, or only PUBREL behind a committed PUBREC', () => {
  const half = new Half();
  half.deliver(40_000, 2, { dup: true });
  half.outgoing.onPubrel(40_001);
  half.outgoing.onConnected(limits);
  expect(half.take().toSorted()).toEqual(['publish 40000 qos2 dup', 'pubrel 40001']);
  expect(half.counters.possibleDuplicates).toBe(0);
  half.outgoing.onPubcomp(40_001);
  expect(half.takeInputs()).toEqual(['pubcomp 40001']);
});

test('a reconnect sends what is not acknowledged again, in order and with DUP', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  for (const id of [3, 1, 2]) half.deliver(id, 1);
  half.outgoing.onPuback(1);
  half.take();
  half.outgoing.onDisconnected('closed');
  half.deliver(4, 1);
  half.outgoing.onConnected(limits);
  expect(half.take()).toEqual(['publish 3 qos1 dup', 'publish 2 qos1 dup', 'publish 4 qos1']);
});

test('a QoS 2 message that is sent again to a broker that has lost its session is a possible duplicate', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  half.deliver(40_000, 2);
  half.outgoing.onDisconnected('closed');
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  expect(half.counters.possibleDuplicates).toBe(1);
});

test('at most the Receive Maximum of the other broker is unacknowledged', () => {
  const half = new Half();
  half.outgoing.onConnected({ ...limits, receiveMaximum: 2 });
  for (const id of [1, 2, 3]) half.deliver(id, 1);
  expect(half.take()).toEqual(['publish 1 qos1', 'publish 2 qos1']);
  half.outgoing.onPuback(1);
  expect(half.take()).toEqual(['publish 3 qos1']);
});

test('a broker with a lower maximum QoS gets QoS 2 messages with its own, and the exchange with the cluster completes', () => {
  const half = new Half();
  half.outgoing.onConnected({ ...limits, qosMax: 1 });
  half.deliver(40_000, 2);
  expect(half.take()).toEqual(['publish 40000 qos1']);
  half.outgoing.onPuback(40_000);
  expect(half.take()).toEqual([]);
  // The refused PUBREC ends the exchange with the cluster in one step.
  expect(half.takeInputs()).toEqual(['pubrec 40000 refused']);
  expect(half.counters.sent).toEqual([0, 1, 0]);
});

test('the runner of a link that takes over sends no PUBREL to a broker without QoS 2', () => {
  const half = new Half();
  half.outgoing.onPubrel(40_000);
  half.outgoing.onConnected({ ...limits, qosMax: 1, sessionPresent: true });
  expect(half.take()).toEqual([]);
  expect(half.takeInputs()).toEqual(['pubcomp 40000']);
});

test('a broker that answers QoS 2 with PUBACK has the message: the exchange completes, and the fault names the setting', () => {
  const half = new Half({ inFlightMax: 2 });
  half.outgoing.onConnected(limits);
  for (const id of [40_000, 40_001, 40_002]) half.deliver(id, 2);
  half.take();
  half.outgoing.onPuback(40_000);
  half.outgoing.onPuback(40_001);
  expect(half.takeInputs()).toEqual(['pubrec 40000 refused', 'pubrec 40001 refused']);
  expect(half.take()).toEqual(['publish 40002 qos2']);
  expect(half.counters.sent).toEqual([0, 2, 0]);
  expect(half.faults).toEqual(['the other broker acknowledges QoS 2 as QoS 1: set qosMax of the rule to 1']);
  half.outgoing.onDisconnected('closed');
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  expect(half.take()).toEqual(['publish 40002 qos2 dup']);
  half.outgoing.onPuback(40_002, 0x87);
  expect(half.takeInputs()).toEqual(['pubrec 40002 refused']);
  expect(half.faults).toHaveLength(3);
});

test.each(['received', 'released'])(
  'a %s QoS 2 message is sent again to a broker that has lost its session, and counted as a possible duplicate',
  (phase) => {
    const half = new Half();
    half.outgoing.onConnected(limits);
    half.deliver(40_000, 2);
    half.outgoing.onPubrec(40_000);
    if (phase === 'released') half.outgoing.onPubrel(40_000);
    expect(half.takeInputs()).toEqual(['pubrec 40000']);
    half.take();
    half.outgoing.onDisconnected('closed');
    half.outgoing.onConnected({ ...limits, sessionPresent: false });
    expect(half.take()).toEqual(['publish 40000 qos2 dup']);
    expect(half.counters.possibleDuplicates).toBe(1);
    if (phase === 'received') half.outgoing.onPubrel(40_000);
    expect(half.take()).toEqual([]);
    half.outgoing.onPubrec(40_000);
    expect([half.take(), half.takeInputs()]).toEqual([['pubrel 40000'], []]);
    half.outgoing.onPubcomp(40_000);
    expect(half.takeInputs()).toEqual(['pubcomp 40000']);
    expect(half.counters.sent).toEqual([0, 0, 1]);
  },
);

test('a QoS 2 exchange without its message is counted as lost if the other broker has lost its session', () => {
  const half = new Half();
  half.outgoing.onPubrel(40_001);
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  expect([half.take(), half.takeInputs()]).toEqual([[], ['pubcomp 40001']]);
  expect(half.counters.dropped.lost).toBe(1);
  expect(half.faults).toEqual([
    '1 QoS 2 messages may be lost: the other broker has lost its session, which had received them',
  ]);
});

test('a QoS 2 message that was sent again and is then refused ends its exchange with the cluster', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  half.deliver(40_000, 2);
  half.outgoing.onPubrec(40_000);
  half.outgoing.onPubrel(40_000);
  half.outgoing.onDisconnected('closed');
  half.outgoing.onConnected({ ...limits, sessionPresent: false });
  half.outgoing.onPubrec(40_000, 0x87);
  expect(half.takeInputs()).toEqual(['pubrec 40000', 'pubcomp 40000']);
});

test('a reset of the connection counts for less than a close, because the network resets connections too', () => {
  const half = new Half();
  half.deliver(1, 1);
  for (let connection = 1; connection < fruitlessConnectionsMax * resetsForOneClose + 2; connection++) {
    half.outgoing.onConnected(limits);
    half.outgoing.onDisconnected('reset');
  }
  expect(half.takeInputs()).toEqual([]);
  half.outgoing.onConnected(limits);
  half.outgoing.onDisconnected('reset');
  expect(half.takeInputs()).toEqual(['puback 1']);
});

test('a message above the Maximum Packet Size of the other broker is dropped, and the next one follows', () => {
  const half = new Half();
  half.outgoing.onConnected({ ...limits, packetBytesMax: 500 });
  half.deliver(1, 1, {}, 'x'.repeat(600));
  half.deliver(2, 1);
  expect(half.take()).toEqual(['publish 2 qos1']);
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.counters.dropped.too_large).toBe(1);
  expect(half.faults[0]).toMatch(
    /^message on t\/1 dropped: it has \d+ bytes, and the other broker accepts 500$/,
  );
});

test('a message above the bound of the link is dropped, and the fault names the setting', () => {
  const half = new Half({ packetBytesMax: 1_024 });
  half.outgoing.onConnected({ ...limits, packetBytesMax: 2_000 });
  half.deliver(1, 1, {}, 'x'.repeat(1_100));
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.faults[0]).toMatch(/bytes, and the link accepts 1024 \(packetBytesMax\)$/);
});

test('a message that ends every connection is sent alone and then dropped, so that it does not block the others', () => {
  const half = new Half();
  half.deliver(1, 1);
  half.deliver(2, 1);
  const sizes: number[] = [];
  for (let connection = 0; connection < fruitlessConnectionsMax + 2; connection++) {
    half.outgoing.onConnected(limits);
    sizes.push(half.take().length);
    expect(half.takeInputs()).toEqual([]);
    half.outgoing.onDisconnected('closed');
  }
  expect(sizes).toEqual([2, 2, 1, 1, 1, 1, 1]);
  expect(half.takeInputs()).toEqual(['puback 1']);
  expect(half.counters.dropped.refused).toBe(1);
  half.outgoing.onConnected(limits);
  expect(half.take()).toEqual(['publish 2 qos1 dup']);
});

test('messages of QoS 0 are dropped while one message is sent alone, because one of them may end the connections', () => {
  const half = new Half();
  half.deliver(1, 1);
  for (let connection = 0; connection < fruitlessConnectionsMax; connection++) {
    half.outgoing.onConnected(limits);
    half.deliver(0, 0);
    half.outgoing.onDisconnected('closed');
  }
  expect(half.takeInputs()).toEqual([]);
  expect(half.take().filter((packet) => packet === 'publish  qos0')).toHaveLength(2);
  expect(half.counters.dropped.offline).toBe(fruitlessConnectionsMax - 2);
  half.outgoing.onConnected(limits);
  half.outgoing.onPuback(1);
  half.deliver(0, 0);
  expect(half.take().at(-1)).toBe('publish  qos0');
});

test('connections that this side ends drop nothing, however many there are', () => {
  const half = new Half();
  half.deliver(1, 1);
  for (let connection = 0; connection < 3 * fruitlessConnectionsMax; connection++) {
    half.outgoing.onConnected(limits);
    half.outgoing.onDisconnected('other');
  }
  expect(half.takeInputs()).toEqual([]);
});

test('a message that came in through the link does not go out, and one that has passed another link neither', () => {
  const half = new Half();
  half.outgoing.onConnected(limits);
  const message = { topic: 't', payload: new Uint8Array(), qos: 1, retain: false } as const;
  half.deliver(1, 1, { message: { ...message, publisher: '$link/l/in' } });
  half.deliver(2, 1, {
    message: { ...message, properties: { userProperties: [['mqtt-cluster-link', 'd/k']] } },
  });
  expect(half.take()).toEqual([]);
  expect(half.takeInputs()).toEqual(['puback 1', 'puback 2']);
  expect(half.counters.dropped.loop).toBe(1);
  const further = new Half({ hopsMax: 2 });
  further.outgoing.onConnected(limits);
  further.deliver(2, 1, {
    message: { ...message, properties: { userProperties: [['mqtt-cluster-link', 'd/k']] } },
  });
  expect((further.sent[0] as IPublishPacket).properties!.userProperties).toEqual({
    'mqtt-cluster-link': ['d/k', 'c/l'],
  });
});

test('QoS 0 messages without a connection are dropped and counted', () => {
  const half = new Half();
  half.deliver(0, 0);
  half.outgoing.onConnected(limits);
  half.deliver(0, 0);
  expect(half.take()).toEqual(['publish  qos0']);
  expect(half.counters.dropped.offline).toBe(1);
  expect(half.counters.sent).toEqual([1, 0, 0]);
});

test('RETAIN goes out only by a rule that retains, and only to a broker that does', () => {
  const half = new Half({ rules: [{ direction: 'out', filter: '#', retained: 'live' }] });
  half.outgoing.onConnected(limits);
  half.deliver(1, 1, { retain: true });
  half.outgoing.onDisconnected('closed');
  half.outgoing.onConnected({ ...limits, retains: false });
  const plain = new Half();
  plain.outgoing.onConnected(limits);
  plain.deliver(1, 1, { retain: true });
  const flags = [...half.sent, ...plain.sent].map((packet) => (packet as IPublishPacket).retain);
  expect(flags).toEqual([true, false, false]);
});
