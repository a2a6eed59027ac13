import { inOrder, server, stopAll, watch } from './support/test-client.ts';
import type { FakeOptions, FakeServer } from './support/fake-server.ts';

afterEach(stopAll);

describe('choosing a server', () => {
  test('the first of the rendezvous order is taken, whatever the order of the configuration', async () => {
    const [first, second, third] = (await inOrder(3)) as [FakeServer, FakeServer, FakeServer];
    const { client } = watch([first, second, third]);
    await client.start();
    await client.connected();
    expect(first.packets('connect')).toHaveLength(1);
    expect([...second.received, ...third.received]).toEqual([]);
  });

  test('a dead one is skipped', async () => {
    const [first, second] = (await inOrder(2)) as [FakeServer, FakeServer];
    await first.die();
    const { client, connects } = watch([first, second]);
    await client.start();
    await client.connected();
    expect(second.packets('connect')).toHaveLength(1);
    expect(connects[0]?.gapMs).toBeNull();
    expect(client.status().failedAttempts).toBe(1);
  });

  test('one that does not answer CONNECT is skipped after the time-out', async () => {
    const [first, second] = (await inOrder(2, [{ connack: () => null }])) as [FakeServer, FakeServer];
    const { client } = watch([first, second]);
    await client.start();
    await client.connected();
    expect(first.packets('connect')).toHaveLength(1);
    expect(second.packets('connect')).toHaveLength(1);
  });

  test('one that refuses is skipped, and all refusing is no end', async () => {
    let open = false;
    const refusing: FakeOptions = { connack: () => (open ? {} : { reasonCode: 0x88 }) };
    const [first, second] = (await inOrder(2, [refusing, refusing])) as [FakeServer, FakeServer];
    const { client } = watch([first, second]);
    await client.start();
    await first.seen(() => first.packets('connect').length === 3);
    open = true;
    await client.connected();
    expect(second.packets('connect').length).toBeGreaterThanOrEqual(2);
  });

  test('use another server [MQTT-5 4.13]: the reference comes first', async () => {
    const third = await server();
    const reference = third.url.replace('mqtt://', '');
    const redirecting: FakeOptions = {
      connack: () => ({ reasonCode: 0x9c, properties: { serverReference: reference } }),
    };
    const [first, second] = (await inOrder(2, [redirecting])) as [FakeServer, FakeServer];
    const { client } = watch([first, second]);
    await client.start();
    await client.connected();
    expect(third.packets('connect')).toHaveLength(1);
    expect(second.received).toEqual([]);
  });

  test('waiting for a connection can be aborted', async () => {
    const [first] = (await inOrder(1, [{ connack: () => null }])) as [FakeServer];
    const { client } = watch([first]);
    await client.start();
    const controller = new AbortController();
    const waiting = client.connected(controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('failing over', () => {
  test('a killed server: the next one, with the gap told', async () => {
    const [first, second] = (await inOrder(2)) as [FakeServer, FakeServer];
    const { client, next, failovers } = watch([first, second]);
    await client.start();
    await client.connected();
    const failover = next('failover');
    await first.die();
    await failover;
    expect(second.packets('connect')).toHaveLength(1);
    expect(failovers).toHaveLength(1);
    expect(failovers[0]?.gapMs).toBeGreaterThanOrEqual(0);
  });

  test('a server that falls silent', async () => {
    const [first, second] = (await inOrder(2)) as [FakeServer, FakeServer];
    const { client, next } = watch([first, second]);
    await client.start();
    await client.connected();
    await first.seen((packet) => packet.cmd === 'pingreq');
    const failover = next('failover');
    first.fallSilent();
    await failover;
    expect(client.status().connected).toBe(true);
    expect(second.packets('connect')).toHaveLength(1);
  });

  test('no failing back: the better server returns and is left alone', async () => {
    const [first, second] = (await inOrder(2)) as [FakeServer, FakeServer];
    const { client, next } = watch([first, second]);
    await client.start();
    await client.connected();
    const failover = next('failover');
    await first.die();
    await failover;
    await first.start();
    await second.seen((packet) => packet.cmd === 'pingreq');
    expect(first.packets('connect')).toHaveLength(1);
  });

  test('unacked messages go to the next server, in order, marked as repeats', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const present: FakeOptions = { connack: ({ clean }) => ({ sessionPresent: !clean }) };
    const [first, second] = (await inOrder(2, [deaf, present])) as [FakeServer, FakeServer];
    const { client } = watch([first, second]);
    await client.start();
    await client.connected();
    const sent = ['1', '2', '3'].map((payload) =>
      client.publish('t', payload, { qos: payload === '2' ? 2 : 1 }),
    );
    await first.seen(() => first.packets('publish').length === 3);
    expect(client.status().unacked).toBe(3);
    await first.die();
    await Promise.all(sent);
    const resent = second.packets('publish');
    expect(resent.map(({ payload }) => payload.toString())).toEqual(['1', '2', '3']);
    expect(resent.map(({ dup }) => dup)).toEqual([true, true, true]);
    expect(resent.map(({ messageId }) => messageId)).toEqual(
      first.packets('publish').map(({ messageId }) => messageId),
    );
    expect(client.status().unacked).toBe(0);
  });

  test('a new session gets them as new messages [MQTT-3.3.1-1]', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second] = (await inOrder(2, [deaf])) as [FakeServer, FakeServer];
    const { client } = watch([first, second]);
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 1 });
    await first.seen(({ cmd }) => cmd === 'publish');
    await first.die();
    await sent;
    expect(second.packets('publish').map(({ dup }) => dup)).toEqual([false]);
  });

  test('QoS 2 after PUBREC goes on with PUBREL, not with the message', async () => {
    const stuck: FakeOptions = { onPacket: ({ cmd }) => cmd === 'pubrel' };
    const [first, second] = (await inOrder(2, [stuck, { connack: () => ({ sessionPresent: true }) }])) as [
      FakeServer,
      FakeServer,
    ];
    const { client } = watch([first, second]);
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 2 });
    await first.seen(({ cmd }) => cmd === 'pubrel');
    await first.die();
    await sent;
    expect(second.packets('publish')).toEqual([]);
    expect(second.packets('pubrel')).toHaveLength(1);
  });

  test('messages published while away are sent on return, after the older ones', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first] = (await inOrder(1, [deaf])) as [FakeServer];
    const { client, next } = watch([first]);
    await client.start();
    await client.connected();
    const older = client.publish('t', 'older', { qos: 1 });
    await first.seen(({ cmd }) => cmd === 'publish');
    const gone = next('disconnect');
    await first.die();
    await gone;
    const newer = client.publish('t', 'newer', { qos: 1 });
    await expect(client.publish('t', 'lost')).rejects.toMatchObject({ code: 'NOT_CONNECTED' });
    Object.assign(deaf, { onPacket: () => false });
    await first.start();
    await Promise.all([older, newer]);
    expect(first.packets('publish').map(({ payload }) => payload.toString())).toEqual([
      'older',
      'older',
      'newer',
    ]);
  });

  test('the window of the server bounds what is on the way, also what is sent again', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    let acks = false;
    const narrow: FakeOptions = {
      connack: () => ({ properties: { receiveMaximum: 2 } }),
      onPacket: ({ cmd }) => cmd === 'publish' && !acks,
    };
    const [first, second] = (await inOrder(2, [deaf, narrow])) as [FakeServer, FakeServer];
    const { client } = watch([first, second]);
    await client.start();
    await client.connected();
    const payloads = ['1', '2', '3', '4', '5'];
    const sent = Promise.all(payloads.map((payload) => client.publish('t', payload, { qos: 1 })));
    await first.seen(() => first.packets('publish').length === 5);
    await first.die();
    await second.seen(({ cmd }) => cmd === 'pingreq');
    expect(second.packets('publish')).toHaveLength(2);
    acks = true;
    for (const { messageId } of second.packets('publish')) {
      second.send({ cmd: 'puback', messageId: messageId ?? 0, reasonCode: 0 });
    }
    await sent;
    expect(second.packets('publish').map(({ payload }) => payload.toString())).toEqual(payloads);
  });

  test('subscriptions are repeated when the session is new, and not when it is there', async () => {
    let present = false;
    const options: FakeOptions = { connack: () => ({ sessionPresent: present }) };
    const [first, second] = (await inOrder(2, [options, options])) as [FakeServer, FakeServer];
    const { client, next } = watch([first, second], { subscriptions: { 'a/#': { qos: 1 } } });
    await client.start();
    await client.subscribe({ b: { qos: 2 } });
    expect(first.packets('subscribe').flatMap(({ subscriptions }) => subscriptions)).toHaveLength(2);
    const toSecond = next('failover');
    await first.die();
    await toSecond;
    await second.seen(({ cmd }) => cmd === 'subscribe');
    expect(
      second.packets('subscribe').flatMap(({ subscriptions }) => subscriptions.map(({ topic }) => topic)),
    ).toEqual(['a/#', 'b']);
    present = true;
    await first.start();
    const toFirst = next('failover');
    const before = first.packets('subscribe').length;
    await second.die();
    await toFirst;
    await client.publish('t', 'after', { qos: 1 });
    expect(first.packets('subscribe')).toHaveLength(before);
  });

  test('taken over: stops when told so, and unacked messages reject', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second] = (await inOrder(2, [deaf])) as [FakeServer, FakeServer];
    const { client, next } = watch([first, second], { onTakeover: 'stop' });
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 1 });
    const given = next('givenUp');
    first.send({ cmd: 'disconnect', reasonCode: 0x8e });
    await expect(sent).rejects.toMatchObject({ code: 'CLIENT_STOPPED' });
    expect(await given).toBe('takenOver');
    expect(second.received).toEqual([]);
  });

  test('giving up on loss: nothing is sent again', async () => {
    const deaf: FakeOptions = { onPacket: ({ cmd }) => cmd === 'publish' };
    const [first, second] = (await inOrder(2, [deaf])) as [FakeServer, FakeServer];
    const { client, next } = watch([first, second], { giveUpOnLoss: true });
    await client.start();
    await client.connected();
    const sent = client.publish('t', '1', { qos: 1 });
    await first.seen(({ cmd }) => cmd === 'publish');
    const given = next('givenUp');
    const rejected = expect(sent).rejects.toMatchObject({ code: 'CLIENT_STOPPED' });
    await first.die();
    await rejected;
    expect(await given).toBe('lost');
    expect(second.received).toEqual([]);
  });
});
