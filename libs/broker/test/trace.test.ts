import type { PacketTrace, TracedPacket, TraceTarget } from '../src/index.ts';
import { topicMatches } from '../src/trace/packet-trace.ts';
import { authenticatorOf } from './support/access.ts';
import { connect, connectPacket, open, startBroker } from './support/driver.ts';
import type { BrokerTarget } from './support/driver.ts';

const five = { protocolVersion: 5 as const };
let target: BrokerTarget;

beforeEach(async () => {
  target = await startBroker({ authenticator: authenticatorOf(() => true) });
});

function trace(of: TraceTarget, payload = false): PacketTrace {
  return target.broker.traces.start(of, payload, () => undefined)!;
}

const packets = (lines: readonly TracedPacket[]): string[] =>
  lines.map(({ direction, packet }) => `${direction} ${packet}`);

describe('a trace of a client', () => {
  test('contains each packet of its connection in both directions, in order', async () => {
    const running = trace({ client: 'c' });
    const client = await connect(target, 'c', five);
    await connect(target, 'other');
    await client.subscribe(1, 'x/#', 1);
    client.publish('x/y', 'payload', { qos: 1, messageId: 2 });
    await client.next('publish');
    client.send({ cmd: 'puback', messageId: 1 });
    client.send({ cmd: 'pingreq' });
    await client.next('pingresp');
    await client.disconnect();
    const { lines, lost } = running.take(100);
    expect(lost).toBe(0);
    expect(packets(lines.slice(0, 5))).toEqual([
      'in CONNECT',
      'out CONNACK',
      'in SUBSCRIBE',
      'out SUBACK',
      'in PUBLISH',
    ]);
    expect(packets(lines).toSorted()).toEqual(
      [
        ...['in CONNECT', 'in SUBSCRIBE', 'in PUBLISH', 'in PUBACK', 'in PINGREQ', 'in DISCONNECT'],
        ...['out CONNACK', 'out SUBACK', 'out PUBACK', 'out PUBLISH', 'out PINGRESP', 'out CLOSE'],
      ].toSorted(),
    );
    expect(new Set(lines.map(({ client: id }) => id))).toEqual(new Set(['c']));
    expect(lines.find(({ packet }) => packet === 'PUBLISH')).toMatchObject({
      topic: 'x/y',
      qos: 1,
      packetId: 2,
      dup: false,
      retain: false,
      address: '127.0.0.1',
      bytes: 2 + 2 + 3 + 2 + 1 + 7,
    });
    expect(lines.find(({ packet }) => packet === 'SUBSCRIBE')).toMatchObject({ topic: 'x/#', packetId: 1 });
    expect(lines.find(({ packet }) => packet === 'SUBACK')).toMatchObject({ decision: 'codes 1' });
    expect(lines.at(-1)).toMatchObject({ packet: 'CLOSE', decision: 'the client sent DISCONNECT' });
  });

  test('contains the packet identifier of a delivery, which is not part of the shared encoding', async () => {
    const client = await connect(target, 'c');
    await client.subscribe(1, 'x', 1);
    const running = trace({ client: 'c' });
    for (const messageId of [11, 12]) client.publish('x', 'p', { qos: 1, messageId });
    await client.next('publish');
    await client.next('publish');
    const sent = running
      .take(100)
      .lines.filter((line) => line.direction === 'out' && line.packet === 'PUBLISH');
    expect(sent.map(({ packetId }) => packetId)).toEqual(client.publishes.map(({ messageId }) => messageId));
  });

  test('never contains a password or a user name, and no payload unless asked', async () => {
    const running = trace({ client: 'c' });
    const client = await connect(target, 'c', {
      ...five,
      username: 'user-secret',
      password: Buffer.from('password-secret'),
      will: { topic: 'w', payload: Buffer.from('will-secret'), qos: 0, retain: false },
    });
    client.publish('x', 'payload-secret');
    await client.settle();
    const text = JSON.stringify(running.take(100));
    expect(text).toContain('PUBLISH');
    expect(text).not.toContain('secret');
    expect(text).not.toContain(Buffer.from('payload-secret').toString('base64'));
  });

  test('contains payloads if asked, also while another trace does not', async () => {
    const without = trace({ client: 'c' });
    const running = trace({ client: 'c' }, true);
    const client = await connect(target, 'c', five);
    client.publish('x', 'shown');
    client.publish('y', 'z'.repeat(10_000));
    await client.settle();
    const [first, second] = running.take(100).lines.filter(({ packet }) => packet === 'PUBLISH');
    expect(first!.payload).toBe(Buffer.from('shown').toString('base64'));
    expect(Buffer.from(second!.payload!, 'base64')).toHaveLength(4_096);
    expect(without.take(100).lines.some((line) => 'payload' in line)).toBe(false);
  });

  test('contains why a publish was rejected', async () => {
    const running = trace({ client: 'c' });
    const client = await connect(target, 'c', five);
    client.publish('$SYS/x', 'p', { qos: 1, messageId: 1 });
    await client.next('puback');
    const lines = running.take(100).lines;
    expect(lines.filter(({ packet }) => packet.startsWith('PUB'))).toMatchObject([
      { direction: 'in', packet: 'PUBLISH', decision: 'rejected: the topic is reserved' },
      { direction: 'out', packet: 'PUBACK', decision: 'reason code 0x87' },
    ]);
  });

  test('contains a malformed packet with the error, and the end of the connection', async () => {
    const running = trace({ client: 'c' });
    const client = await connect(target, 'c');
    client.sendBytes([0x82, 0x01, 0x00]);
    await client.closed;
    expect(running.take(100).lines.slice(2)).toMatchObject([
      { packet: 'SUBSCRIBE', decision: expect.stringMatching(/^rejected: /) },
      { packet: 'CLOSE' },
    ]);
  });

  test('contains the topic of a publish with a topic alias', async () => {
    const running = trace({ topic: 'long/+' });
    const client = await connect(target, 'c', five);
    client.publish('long/topic', '1', { properties: { topicAlias: 1 } });
    client.publish('', '2', { properties: { topicAlias: 1 } });
    await client.settle();
    expect(running.take(100).lines.map(({ topic }) => topic)).toEqual(['long/topic', 'long/topic']);
  });

  test('contains a refused client', async () => {
    await target.stop();
    target = await startBroker({ authenticator: authenticatorOf(() => false) });
    const running = trace({ client: 'c' });
    const client = open(target);
    client.send(connectPacket('c', { username: 'u', password: Buffer.from('p') }));
    await client.closed;
    expect(running.take(10).lines).toMatchObject([
      { packet: 'CONNECT', client: 'c' },
      { packet: 'CONNACK', decision: 'reason code 0x04' },
      { packet: 'CLOSE' },
    ]);
  });
});

test('a trace of an address contains the packets of its clients only', async () => {
  const running = trace({ address: '127.0.0.1' });
  const other = trace({ address: '10.0.0.1' });
  await connect(target, 'a');
  expect(packets(running.take(10).lines)).toEqual(['in CONNECT', 'out CONNACK']);
  expect(other.take(10).lines).toEqual([]);
});

test('a trace of a topic filter contains the publishes of all clients with a matching topic', async () => {
  const a = await connect(target, 'a');
  const b = await connect(target, 'b');
  const running = trace({ topic: 'x/+' });
  await b.subscribe(1, '#', 0);
  a.publish('x/1', 'p');
  a.publish('y/1', 'p');
  await a.settle();
  await b.settle();
  expect(running.take(10).lines).toMatchObject([
    { client: 'a', direction: 'in', packet: 'PUBLISH', topic: 'x/1' },
    { client: 'b', direction: 'out', packet: 'PUBLISH', topic: 'x/1' },
  ]);
});

test('a slow reader loses lines and receives their number, in bounded memory', async () => {
  const client = await connect(target, 'c', five);
  const running = trace({ topic: 't' }, true);
  const payload = 'x'.repeat(4_096);
  for (let index = 0; index < 3_000; index++) client.publish('t', payload);
  await client.settle();
  const { lines, lost } = running.take(10_000);
  expect(lines.length + lost).toBe(3_000);
  expect(lost).toBeGreaterThan(0);
  expect(JSON.stringify(lines).length).toBeLessThan(2 * 1024 * 1024);
  client.publish('t', 'after');
  await client.settle();
  expect(running.take(10)).toMatchObject({ lines: [{ topic: 't' }], lost: 0 });
});

test('at most four traces run, and the end of one makes room', () => {
  const running = ['a', 'b', 'c', 'd'].map((client) => trace({ client }));
  const next = () => target.broker.traces.start({ client: 'e' }, false, () => undefined);
  expect(next()).toBeNull();
  target.broker.traces.stop(running[0]!);
  expect(next()).not.toBeNull();
});

test('a trace that has ended receives no packets', async () => {
  const client = await connect(target, 'c');
  const running = trace({ client: 'c' });
  target.broker.traces.stop(running);
  client.publish('x', 'p');
  await client.settle();
  expect(running.take(10).lines).toEqual([]);
});

test.each([
  ['#', 'a/b', true],
  ['#', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['a/#', 'a', true],
  ['+/b', 'a/b', true],
  ['+', 'a/b', false],
  ['a/+', 'a', false],
  ['a', 'b', false],
])('the filter %s matches the topic %s: %s', (filter, topic, matches) => {
  expect(topicMatches(filter, topic)).toBe(matches);
});
