import { membersTopic } from '@mqtt-cluster/contracts';
import type { MemberAdvertisement } from '@mqtt-cluster/contracts';
import { rendezvousOrder } from '../src/index.ts';
import type { FailoverEvent } from '../src/index.ts';
import { startServers, startServer, stopAll, createTestClient } from './support/test-client.ts';
import type { FakeServerOptions, FakeServer } from './support/fake-server.ts';

afterEach(stopAll);

describe('a failover client:', () => {
  test('publish rejects when unackedMax publishes are unacknowledged', async () => {
    const [first] = (await startServers(1, [{ onPacket: ({ cmd }) => cmd === 'publish' }])) as [FakeServer];
    const { client } = createTestClient([first], { unackedMax: 2 });
    await client.start();
    const kept = [client.publish('t', '1', { qos: 1 }), client.publish('t', '2', { qos: 2 })];
    await expect(client.publish('t', '3', { qos: 1 })).rejects.toMatchObject({ code: 'UNACKED_LIMIT' });
    const outcomes = Promise.allSettled(kept);
    await client.stop();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('publish rejects with the reason code of the server', async () => {
    const full: FakeServerOptions = {
      onPacket: (packet, fake) => {
        if (packet.cmd !== 'publish') return false;
        fake.send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0x97 });
        return true;
      },
    };
    const { client } = createTestClient(await startServers(1, [full]));
    await client.start();
    await expect(client.publish('t', '1', { qos: 1 })).rejects.toMatchObject({ reasonCode: 0x97 });
  });

  test('publish rejects an invalid topic name, and the connection stays open', async () => {
    const { client } = createTestClient(await startServers(1));
    await client.start();
    await client.connected();
    await expect(client.publish('a/#', '1', { qos: 1 })).rejects.toMatchObject({ code: 'OPTIONS' });
    await client.publish('a', '1', { qos: 1 });
  });

  test('stop sends DISCONNECT, so that the server does not publish the will', async () => {
    const [first] = (await startServers(1)) as [FakeServer];
    const { client } = createTestClient([first], { will: { topic: 'w', payload: 'offline' } });
    await client.start();
    await client.connected();
    await client.stop();
    expect(first.packets('connect')[0]?.will?.topic).toBe('w');
    expect(first.packets('disconnect')).toHaveLength(1);
  });

  test.each([
    ['process', { sessionExpiryInterval: 0 }],
    ['persistent', undefined],
    ['none', undefined],
  ] as const)(
    'stop ends the session of the kind %s only if no process can resume it',
    async (session, properties) => {
      const [first] = (await startServers(1)) as [FakeServer];
      const { client } = createTestClient([first], { session });
      await client.start();
      await client.connected();
      await client.stop();
      expect(first.packets('disconnect')[0]?.properties).toEqual(properties);
    },
  );

  test('the client delivers a QoS 2 message only once, also if the next server sends the message again after a failover', async () => {
    const stuck: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'pubrec' };
    const [first, second] = (await startServers(2, [
      stuck,
      { connack: () => ({ sessionPresent: true }) },
    ])) as [FakeServer, FakeServer];
    const { client, next, messages } = createTestClient([first, second], {
      subscriptions: { t: { qos: 2 } },
    });
    await client.start();
    await first.received(({ cmd }) => cmd === 'subscribe');
    const message = {
      cmd: 'publish',
      topic: 't',
      payload: 'once',
      qos: 2,
      retain: false,
      messageId: 7,
    } as const;
    first.send({ ...message, dup: false });
    await first.received(({ cmd }) => cmd === 'pubrec');
    const failover = next('failover');
    await first.kill();
    await failover;
    second.send({ ...message, dup: true });
    await second.received(({ cmd }) => cmd === 'pubcomp');
    expect(messages).toEqual(['once']);
  });
});

describe('advertised members', () => {
  function advertise(list: readonly (Partial<MemberAdvertisement> & { id: string; url: string })[]): string {
    return JSON.stringify(
      list.map(({ id, url, state = 'serving' }) => ({ id, urls: [url], state, clients: 0, load: 0 })),
    );
  }

  test('the client fails over to a server that was advertised but not configured', async () => {
    const other = await startServer();
    const retained: Record<string, string> = {};
    const advertising = await startServer({ retained });
    retained[membersTopic] = advertise([
      { id: 'x', url: advertising.url },
      { id: 'y', url: other.url },
    ]);
    const { client, next } = createTestClient([advertising], { discover: true });
    await client.start();
    await client.connected();
    await advertising.received(({ cmd }) => cmd === 'pingreq');
    const failover = next('failover') as Promise<FailoverEvent>;
    await advertising.kill();
    expect(await failover).toMatchObject({ from: 'x', to: 'y' });
  });

  test('the client moves from a draining server to a serving one', async () => {
    const [first, second] = (await startServers(2)) as [FakeServer, FakeServer];
    const ids = rendezvousOrder('client', ['s0', 's1']) as [string, string];
    const { client, next } = createTestClient([first, second], { discover: true });
    await client.start();
    await client.connected();
    const failover = next('failover') as Promise<FailoverEvent>;
    const members = advertise([
      { id: ids[0], url: first.url, state: 'draining' },
      { id: ids[1], url: second.url },
    ]);
    first.send({ cmd: 'publish', topic: membersTopic, payload: members, qos: 0, retain: false, dup: false });
    expect(await failover).toMatchObject({ from: ids[0], to: ids[1] });
    expect(first.packets('disconnect')).toHaveLength(1);
  });
});

describe('a client with redundancy 2', () => {
  test('connects to two servers, delivers each message once, and moves unacknowledged publishes to the other server', async () => {
    const ignoring: FakeServerOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second, third] = (await startServers(3, [ignoring])) as [
      FakeServer,
      FakeServer,
      FakeServer,
    ];
    const { client, next, messages } = createTestClient([first, second, third], {
      redundancy: 2,
      subscriptions: { t: { qos: 1 } },
    });
    await client.start();
    await Promise.all([first, second].map((fake) => fake.received(({ cmd }) => cmd === 'subscribe')));
    expect([first, second].map((fake) => fake.packets('connect')[0]?.clientId)).toEqual([
      'client~1',
      'client~2',
    ]);
    const message = { cmd: 'publish', topic: 't', qos: 1, retain: false, dup: false, messageId: 1 } as const;
    for (const payload of ['a', 'b']) {
      for (const fake of [first, second]) {
        const acked = fake.packets('puback').length + 1;
        fake.send({ ...message, payload });
        await fake.received(() => fake.packets('puback').length === acked);
      }
    }
    expect(messages).toEqual(['a', 'b']);
    expect(client.status().duplicatesRemoved).toBe(2);
    const sent = client.publish('t', 'kept', { qos: 1 });
    await first.received(({ cmd }) => cmd === 'publish');
    const back = next('failover');
    await first.kill();
    await sent;
    expect(second.packets('publish').map(({ payload }) => payload.toString())).toEqual(['kept']);
    await back;
    expect(third.packets('connect')).toHaveLength(1);
    expect(third.packets('publish')).toEqual([]);
  });

  test('sends the unacknowledged publishes of a suspected server to the other server', async () => {
    const [first, second] = (await startServers(2)) as [FakeServer, FakeServer];
    // Long keep-alive times: only the probe can detect the silent server.
    const timings = {
      silenceMsMax: 600_000,
      pingIntervalMs: 600_000,
      probeAfterMs: 20,
      probeTimeoutMs: 20,
    };
    const { client } = createTestClient([first, second], {
      redundancy: 2,
      subscriptions: { t: { qos: 1 } },
      timings,
    });
    await client.start();
    await Promise.all([first, second].map((fake) => fake.received(({ cmd }) => cmd === 'subscribe')));
    await client.publish('t', 'before', { qos: 1 });
    first.silence();
    await Promise.all(['a', 'b', 'c'].map((payload) => client.publish('t', payload, { qos: 1 })));
    await client.publish('t', 'after', { qos: 1 });
    const payloads = (fake: FakeServer) => fake.packets('publish').map(({ payload }) => payload.toString());
    expect(payloads(second)).toEqual(['a', 'b', 'c', 'after']);
    expect(first.packets('disconnect')).toEqual([]);
    expect(client.status().connects).toBe(2);
  });
});
