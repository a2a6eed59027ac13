import { connect, startBrokerWithMember } from './support/driver.ts';
import type { RawClient, Target } from './support/driver.ts';
import { frame, properties, text } from './support/packet-bytes.ts';

let target: Target;
beforeEach(async () => {
  target = await startBrokerWithMember();
});
afterEach(() => target.stop());

const five = { protocolVersion: 5 as const };
const persistent = { ...five, clean: false, properties: { sessionExpiryInterval: 100 } };

describe('topic aliases towards a client', () => {
  const aliases = (client: RawClient): unknown[] =>
    client.publishes.map(({ topic, properties: received }) => [topic, received?.topicAlias]);

  test('replace the topic from the second message on, up to Topic Alias Maximum [5.0 MQTT-3.1.2-26] [5.0 MQTT-3.3.2-11]', async () => {
    const client = await connect(target, 'c', { ...five, properties: { topicAliasMaximum: 2 } });
    await client.subscribe(1, '#', 2);
    for (const topic of ['topic/one', 'topic/two', 'topic/three', 'x']) {
      for (const qos of [0, 1, 2] as const) {
        client.publish(topic, 'x', { qos, messageId: qos });
        if (qos > 0) await client.next(qos === 1 ? 'puback' : 'pubrec');
        if (qos === 2) client.send({ cmd: 'pubrel', messageId: qos });
        await client.next('publish');
      }
    }
    expect(aliases(client)).toEqual([
      ['topic/one', 1],
      ['', 1],
      ['', 1],
      ['topic/two', 2],
      ['', 2],
      ['', 2],
      ...new Array<unknown>(3).fill(['topic/three', undefined]),
      ...new Array<unknown>(3).fill(['x', undefined]),
    ]);
  });

  test('are not used if CONNECT has no Topic Alias Maximum, or 0 [5.0 MQTT-3.1.2-27]', async () => {
    for (const maximum of [{}, { properties: { topicAliasMaximum: 0 } }]) {
      const client = await connect(target, 'c', { ...five, ...maximum });
      await client.subscribe(1, 'topic/one', 0);
      for (let count = 0; count < 2; count++) {
        client.publish('topic/one', 'x');
        await client.next('publish');
      }
      expect(aliases(client)).toEqual(new Array(2).fill(['topic/one', undefined]));
    }
  });

  test('end with the connection, and messages that are sent again have their topic [5.0 MQTT-3.3.2-7]', async () => {
    const options = { ...persistent, properties: { ...persistent.properties, topicAliasMaximum: 2 } };
    const first = await connect(target, 'c', options);
    await first.subscribe(1, 'topic/one', 1);
    for (const messageId of [2, 3]) first.publish('topic/one', 'x', { qos: 1, messageId });
    await first.next('publish');
    await first.next('publish');
    first.drop();
    const second = await connect(target, 'c', options);
    await second.next('publish');
    await second.next('publish');
    expect(aliases(second)).toEqual([
      ['topic/one', 1],
      ['', 1],
    ]);
    expect(second.publishes.map(({ dup }) => dup)).toEqual([true, true]);
  });

  test('are not introduced by a message that exceeds the Maximum Packet Size; a message that fits without alias is sent without', async () => {
    const client = await connect(target, 'c', {
      ...five,
      properties: { topicAliasMaximum: 2, maximumPacketSize: 40 },
    });
    await client.subscribe(1, 'topic/one', 0);
    for (const bytes of [60, 26, 20, 30]) {
      client.publish('topic/one', 'x'.repeat(bytes));
      await client.settle();
    }
    expect(client.publishes.map(({ payload, topic }) => [payload.length, topic])).toEqual([
      [26, 'topic/one'],
      [20, 'topic/one'],
      [30, ''],
    ]);
  });
});

test('topic aliases from a client: each value up to the maximum is accepted, can be set again, and ends with the connection [5.0 MQTT-3.3.2-12] [5.0 MQTT-3.3.2-7]', async () => {
  const subscriber = await connect(target, 's', five);
  await subscriber.subscribe(1, '#', 0);
  const publisher = await connect(target, 'p', five);
  for (let alias = 1; alias <= 10; alias++) {
    publisher.publish(`first/${alias}`, 'x', { properties: { topicAlias: alias } });
    publisher.publish(`second/${alias}`, 'x', { properties: { topicAlias: alias } });
    publisher.sendBytes(frame(0x30, text(''), properties([35, 0, alias])));
    const topics = [];
    for (let count = 0; count < 3; count++) topics.push((await subscriber.next('publish')).topic);
    expect(topics).toEqual([`first/${alias}`, `second/${alias}`, `second/${alias}`]);
  }
  await publisher.disconnect();
  const again = await connect(target, 'p', five);
  again.sendBytes(frame(0x30, text(''), properties([35, 0, 1])));
  await expect(again.next('disconnect')).resolves.toMatchObject({ reasonCode: 0x82 });
});
