import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import type { ClientInput } from '@mqtt-cluster/contracts';
import type { IPublishPacket, Packet } from 'mqtt-packet';
import { createCounters } from '../src/link/counters.ts';
import { Incoming } from '../src/link/incoming.ts';

/** The incoming half of a link with MQTT 3.1.1, to a cluster that retains some messages. */
function half(definition: object, retained: Readonly<Record<string, string>>) {
  const published: string[] = [];
  const sent: Packet[] = [];
  const incoming = new Incoming({
    definition: linkDefinitionSchema.parse({
      addresses: ['mqtt://b'],
      protocol: '3.1.1',
      rules: [{ direction: 'in', filter: '#', retained: 'live', localPrefix: 'here/' }],
      ...definition,
    }),
    mark: 'c/l',
    packetBytesMax: 1_000,
    counters: createCounters(),
    input: (input: ClientInput) => {
      if (input.kind === 'publish') published.push(String(Buffer.from(input.request.payload)));
    },
    retained: (topic) => (retained[topic] === undefined ? undefined : Buffer.from(retained[topic])),
    send: (packet) => sent.push(packet),
    onFault: () => undefined,
    onRefused: () => undefined,
    now: () => 0,
    after: () => () => undefined,
  });
  let messageId = 0;
  const receive = (topic: string, payload: string, change: Partial<IPublishPacket> = {}): void => {
    const base = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos: 1,
      dup: false,
      retain: true,
    } as const;
    incoming.onPublish({ ...base, messageId: ++messageId, ...change });
  };
  return { incoming, published, sent, receive };
}

test('a retained message that comes again after a reconnect is acknowledged and not published, and a later one is published', () => {
  const { published, sent, receive } = half({}, { 'here/a': 'on' });
  receive('a', 'on');
  // Only the first message of a topic on a connection can be a repetition.
  receive('a', 'on', { qos: 2 });
  expect(published).toEqual(['on']);
  expect(sent).toEqual([{ cmd: 'puback', messageId: 1 }]);
});

test('a retained message with another payload, or of a topic that the cluster does not retain, is published', () => {
  const { published, receive } = half({}, { 'here/a': 'on' });
  receive('a', 'off');
  receive('b', 'on');
  expect(published).toEqual(['off', 'on']);
});

test('each connection has its own repetitions', () => {
  const { incoming, published, receive } = half({}, { 'here/a': 'on' });
  receive('a', 'on');
  incoming.onDisconnected();
  receive('a', 'on');
  expect(published).toEqual([]);
});

test('a message without RETAIN, or with DUP, is published even if the cluster retains its payload', () => {
  const { published, receive } = half({}, { 'here/a': 'on', 'here/b': 'on' });
  receive('a', 'on', { retain: false });
  receive('b', 'on', { dup: true });
  receive('b', 'on');
  expect(published).toEqual(['on', 'on', 'on']);
});

test('a link with MQTT 5.0 publishes every message, because its subscriptions ask for retained messages only once', () => {
  const { published, receive } = half({ protocol: '5.0' }, { 'here/a': 'on' });
  receive('a', 'on');
  expect(published).toEqual(['on']);
});

test('a rule that retains nothing takes no retained messages of a broker that sends RETAIN only for new subscriptions', () => {
  const rules = [{ direction: 'in', filter: '#' }];
  const plain = half({ rules, bridge: false }, {});
  plain.receive('a', 'on');
  plain.receive('a', 'on', { retain: false });
  expect(plain.published).toEqual(['on']);
  // A bridge gets RETAIN with live messages too.
  const bridge = half({ rules }, {});
  bridge.receive('a', 'on');
  expect(bridge.published).toEqual(['on']);
});
