import { membersTopic } from '@mqtt-cluster/contracts';
import type { MemberAdvertisement } from '@mqtt-cluster/contracts';
import { rendezvousOrder } from '../src/index.ts';
import type { FailoverEvent } from '../src/index.ts';
import { inOrder, server, stopAll, watch } from './support/test-client.ts';
import type { FakeOptions, FakeServer } from './support/fake-server.ts';

afterEach(stopAll);

describe('bounds and endings', () => {
  test('publish rejects beyond unackedMax', async () => {
    const [first] = (await inOrder(1, [{ onPacket: ({ cmd }) => cmd === 'publish' }])) as [FakeServer];
    const { client } = watch([first], { unackedMax: 2 });
    await client.start();
    const kept = [client.publish('t', '1', { qos: 1 }), client.publish('t', '2', { qos: 2 })];
    await expect(client.publish('t', '3', { qos: 1 })).rejects.toMatchObject({ code: 'UNACKED_LIMIT' });
    const outcomes = Promise.allSettled(kept);
    await client.stop();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  test('a refused message rejects with its reason code', async () => {
    const full: FakeOptions = {
      onPacket: (packet, fake) => {
        if (packet.cmd !== 'publish') return false;
        fake.send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0x97 });
        return true;
      },
    };
    const { client } = watch(await inOrder(1, [full]));
    await client.start();
    await expect(client.publish('t', '1', { qos: 1 })).rejects.toMatchObject({ reasonCode: 0x97 });
  });

  test('a topic that is none never reaches the connection', async () => {
    const { client } = watch(await inOrder(1));
    await client.start();
    await client.connected();
    await expect(client.publish('a/#', '1', { qos: 1 })).rejects.toMatchObject({ code: 'OPTIONS' });
    await client.publish('a', '1', { qos: 1 });
  });

  test('stop says DISCONNECT, so that no will is sent', async () => {
    const [first] = (await inOrder(1)) as [FakeServer];
    const { client } = watch([first], { will: { topic: 'w', payload: 'gone' } });
    await client.start();
    await client.connected();
    await client.stop();
    expect(first.packets('connect')[0]?.will?.topic).toBe('w');
    expect(first.packets('disconnect')).toHaveLength(1);
  });

  test('QoS 2 is handed on once, also when it is sent again after a failover', async () => {
    const stuck: FakeOptions = { onPacket: ({ cmd }) => cmd === 'pubrec' };
    const [first, second] = (await inOrder(2, [stuck, { connack: () => ({ sessionPresent: true }) }])) as [
      FakeServer,
      FakeServer,
    ];
    const { client, next, messages } = watch([first, second], { subscriptions: { t: { qos: 2 } } });
    await client.start();
    await first.seen(({ cmd }) => cmd === 'subscribe');
    const message = {
      cmd: 'publish',
      topic: 't',
      payload: 'once',
      qos: 2,
      retain: false,
      messageId: 7,
    } as const;
    first.send({ ...message, dup: false });
    await first.seen(({ cmd }) => cmd === 'pubrec');
    const failover = next('failover');
    await first.die();
    await failover;
    second.send({ ...message, dup: true });
    await second.seen(({ cmd }) => cmd === 'pubcomp');
    expect(messages).toEqual(['once']);
  });
});

describe('the cluster tells about its members', () => {
  function advertise(list: readonly (Partial<MemberAdvertisement> & { id: string; url: string })[]): string {
    return JSON.stringify(
      list.map(({ id, url, state = 'serving' }) => ({ id, urls: [url], state, clients: 0, load: 0 })),
    );
  }

  test('servers that were not configured are used', async () => {
    const other = await server();
    const retained: Record<string, string> = {};
    const telling = await server({ retained });
    retained[membersTopic] = advertise([
      { id: 'x', url: telling.url },
      { id: 'y', url: other.url },
    ]);
    const { client, next } = watch([telling], { discover: true });
    await client.start();
    await client.connected();
    await telling.seen(({ cmd }) => cmd === 'pingreq');
    const failover = next('failover') as Promise<FailoverEvent>;
    await telling.die();
    expect(await failover).toMatchObject({ from: 'x', to: 'y' });
  });

  test('a draining server is left for one that serves', async () => {
    const [first, second] = (await inOrder(2)) as [FakeServer, FakeServer];
    const ids = rendezvousOrder('client', ['s0', 's1']) as [string, string];
    const { client, next } = watch([first, second], { discover: true });
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

describe('redundancy', () => {
  test('two servers, each message once, and publishes survive without a wait', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second, third] = (await inOrder(3, [deaf])) as [FakeServer, FakeServer, FakeServer];
    const { client, next, messages } = watch([first, second, third], {
      redundancy: 2,
      subscriptions: { t: { qos: 1 } },
    });
    await client.start();
    await Promise.all([first, second].map((fake) => fake.seen(({ cmd }) => cmd === 'subscribe')));
    expect([first, second].map((fake) => fake.packets('connect')[0]?.clientId)).toEqual([
      'client~1',
      'client~2',
    ]);
    const message = { cmd: 'publish', topic: 't', qos: 1, retain: false, dup: false, messageId: 1 } as const;
    for (const payload of ['a', 'b']) {
      for (const fake of [first, second]) {
        const acked = fake.packets('puback').length + 1;
        fake.send({ ...message, payload });
        await fake.seen(() => fake.packets('puback').length === acked);
      }
    }
    expect(messages).toEqual(['a', 'b']);
    expect(client.status().duplicatesRemoved).toBe(2);
    const sent = client.publish('t', 'kept', { qos: 1 });
    await first.seen(({ cmd }) => cmd === 'publish');
    const back = next('failover');
    await first.die();
    await sent;
    expect(second.packets('publish').map(({ payload }) => payload.toString())).toEqual(['kept']);
    await back;
    expect(third.packets('connect')).toHaveLength(1);
    expect(third.packets('publish')).toEqual([]);
  });

  test('what a server that answers nothing has not acked goes to the other one at once, and is acked once', async () => {
    const [first, second] = (await inOrder(2)) as [FakeServer, FakeServer];
    // Silence of its own is never noticed: only doubt can help.
    const timings = {
      silenceMsMax: 600_000,
      pingIntervalMs: 600_000,
      doubtAfterMs: 20,
      doubtAnswerMsMax: 20,
    };
    const { client } = watch([first, second], {
      redundancy: 2,
      subscriptions: { t: { qos: 1 } },
      timings,
    });
    await client.start();
    await Promise.all([first, second].map((fake) => fake.seen(({ cmd }) => cmd === 'subscribe')));
    await client.publish('t', 'before', { qos: 1 });
    first.fallSilent();
    await Promise.all(['a', 'b', 'c'].map((payload) => client.publish('t', payload, { qos: 1 })));
    await client.publish('t', 'after', { qos: 1 });
    const payloads = (fake: FakeServer) => fake.packets('publish').map(({ payload }) => payload.toString());
    expect(payloads(second)).toEqual(['a', 'b', 'c', 'after']);
    expect(first.packets('disconnect')).toEqual([]);
    expect(client.status().connects).toBe(2);
  });
});
