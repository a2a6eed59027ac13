import { authenticatorOf } from '../support/access.ts';
import { connectPacket, startBroker } from '../support/driver.ts';
import { connectFrom, openFrom, recordingLogger } from './support.ts';

const address = '192.0.2.1';
const five = { protocolVersion: 5 } as const;

test('filters beyond a bound of the cluster are counted, and one line names the client, the bound and the settings', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger });
  const client = await connectFrom(target, address, 'c', five);
  for (const messageId of [1, 2, 3]) {
    const subscriptions = ['beyond/a/bound', 'other'].map((topic) => ({ topic, qos: 1 as const }));
    client.send({ cmd: 'subscribe', messageId, subscriptions });
    await client.next('suback');
  }
  expect(target.broker.counters().limits.subscriptions).toBe(3);
  expect(warnings).toEqual([
    {
      fields: { limit: 'subscriptions', client: 'c', address, filters: 1 },
      text: expect.stringContaining('cluster settings sessionSubscriptionsMax'),
    },
  ]);
});

test('a subscription within the bounds is not counted', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger });
  const client = await connectFrom(target, address, 'c', five);
  await client.subscribe(1, 'a', 1);
  expect(target.broker.counters().limits.subscriptions).toBe(0);
  expect(warnings).toEqual([]);
});

test('publishes beyond a bound of the cluster are counted and logged once', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger });
  target.port.full = true;
  const client = await connectFrom(target, address, 'c', five);
  client.publish('a', 'x', { qos: 1, messageId: 1 });
  await client.next('puback');
  client.publish('a', 'x', { qos: 2, messageId: 2 });
  await client.next('pubrec');
  expect(target.broker.counters()).toMatchObject({
    limits: { stored_messages: 2 },
    publishRefusals: { quota: 2 },
  });
  expect(warnings.map(({ fields }) => fields)).toEqual([{ limit: 'stored_messages', client: 'c', address }]);
});

test('a session beyond a bound of the cluster is counted and logged; another reason of the member is not', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger });
  for (const [refusal, sessions] of [
    ['notServing', 0],
    ['quotaExceeded', 1],
  ] as const) {
    target.port.refusal = refusal;
    const client = openFrom(target, address, 5);
    client.send(connectPacket('c', five));
    await client.closed;
    expect(target.broker.counters().limits.sessions).toBe(sessions);
  }
  expect(warnings.map(({ fields }) => fields)).toEqual([{ limit: 'sessions', client: 'c', address }]);
});

test('the line about a bound of the cluster names the user of the client', async () => {
  const { logger, warnings } = recordingLogger();
  const target = await startBroker({ logger, authenticator: authenticatorOf(() => true) });
  const client = await connectFrom(target, address, 'c', { ...five, username: 'ann' });
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'beyond/a/bound', qos: 1 }] });
  await client.next('suback');
  target.port.full = true;
  client.publish('a', 'x', { qos: 1, messageId: 2 });
  await client.next('puback');
  target.port.refusal = 'quotaExceeded';
  const refused = openFrom(target, address, 5);
  refused.send(connectPacket('d', { ...five, username: 'ann' }));
  await refused.closed;
  expect(warnings.map(({ fields }) => fields)).toEqual([
    { limit: 'subscriptions', client: 'c', address, user: 'ann', filters: 1 },
    { limit: 'stored_messages', client: 'c', address, user: 'ann' },
    { limit: 'sessions', client: 'd', address, user: 'ann' },
  ]);
});
