import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { silentLogger } from '@mqtt-cluster/contracts';
import { generate } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { createBroker } from '../src/index.ts';
import type { Broker, BrokerOptions } from '../src/index.ts';
import { authenticatorOf } from './support/access.ts';
import { connectPacket, RawClient } from './support/driver.ts';
import { MemberClientPort } from './support/member-client-port.ts';
import { turnsUntil, within } from '@mqtt-cluster/testing';

const host = '127.0.0.1';

/** Packets that arrive before the member has opened the session of their client. */
describe.each([4, 5] as const)(
  'a client of protocol level %i that sends all packets in one segment',
  (version) => {
    let broker: Broker;
    let member: MemberClientPort;
    let subscriber: RawClient;
    let socket: Socket;

    async function start(options: Partial<BrokerOptions> = {}): Promise<void> {
      member = new MemberClientPort();
      member.start();
      const listeners = [{ host, port: 0, kind: 'tcp' as const }];
      broker = createBroker({
        memberId: 'member-1',
        port: member,
        listeners,
        logger: silentLogger,
        ...options,
      });
      await broker.start();
      subscriber = new RawClient(connectSocket(broker.addresses()[0]!.port, host));
      subscriber.send(connectPacket('subscriber'));
      await subscriber.next('connack');
      await subscriber.subscribe(1, '#', 2);
      socket = connectSocket(broker.addresses()[0]!.port, host);
      socket.on('error', () => undefined);
      // From now on, the member can open no session.
      member.suspend();
    }

    afterEach(async () => {
      subscriber.drop();
      socket.destroy();
      await broker.stop();
      member.stop();
    });

    /** Sends the packets, ends the connection, and waits until the broker has noticed the end. */
    async function sendAndEnd(end: 'FIN' | 'reset', ...packets: Packet[]): Promise<void> {
      const before = broker.counters().bytesReceived;
      const bytes = Buffer.concat(packets.map((packet) => generate(packet, { protocolVersion: version })));
      socket.write(bytes);
      if (end === 'FIN') socket.end();
      await turnsUntil(() => broker.counters().bytesReceived >= before + bytes.length);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      if (end === 'reset') socket.resetAndDestroy();
      await within(closed, () => 'the end of the connection');
      for (let count = 0; count < 10; count++) await turn();
    }

    async function payloads(count: number): Promise<string[]> {
      const received: string[] = [];
      while (received.length < count) received.push((await subscriber.next('publish')).payload.toString());
      return received;
    }

    const publishes = (...qosLevels: (0 | 1 | 2)[]): Packet[] =>
      qosLevels.map((qos) => ({
        cmd: 'publish',
        topic: 'o',
        payload: `QoS ${qos}`,
        qos,
        retain: false,
        dup: false,
        ...(qos > 0 && { messageId: qos }),
      }));
    const hasty = (): Packet => connectPacket('hasty', { protocolVersion: version });
    const disconnect: Packet = { cmd: 'disconnect' };
    const all = ['QoS 0', 'QoS 1', 'QoS 2'];

    test.each(['FIN', 'reset'] as const)(
      'has its messages of all QoS published when DISCONNECT and %s follow before CONNACK',
      async (end) => {
        await start();
        await sendAndEnd(end, hasty(), ...publishes(0, 1, 2), disconnect);
        member.resume();
        expect(await payloads(3)).toEqual(all);
      },
    );

    test('has its messages published when the connection ends without DISCONNECT, and its will after them', async () => {
      await start();
      const will = { topic: 'o', payload: Buffer.from('will'), qos: 1 as const, retain: false };
      await sendAndEnd(
        'FIN',
        connectPacket('hasty', { protocolVersion: version, will }),
        ...publishes(0, 1, 2),
      );
      member.resume();
      expect(await payloads(4)).toEqual([...all, 'will']);
    });

    test('has its messages published when the connection ends before its authentication does', async () => {
      let accept = (_accepted: boolean): void => undefined;
      const authenticate = ({ client }: { client: string }): Promise<boolean> | boolean =>
        client !== 'hasty' || new Promise((resolve) => (accept = resolve));
      await start({ authenticator: authenticatorOf(authenticate) });
      await sendAndEnd('FIN', hasty(), ...publishes(0, 1, 2), disconnect);
      accept(true);
      await turn();
      member.resume();
      expect(await payloads(3)).toEqual(all);
    });

    test('has no message published when its authentication fails [3.1.1 MQTT-3.1.4-5] [5.0 MQTT-3.1.4-6]', async () => {
      let reject = (_accepted: boolean): void => undefined;
      const authenticate = ({ client }: { client: string }): Promise<boolean> | boolean =>
        client !== 'hasty' || new Promise((resolve) => (reject = resolve));
      await start({ authenticator: authenticatorOf(authenticate) });
      await sendAndEnd('FIN', hasty(), ...publishes(0, 1, 2), disconnect);
      reject(false);
      await turn();
      member.resume();
      await subscriber.settle();
      expect(subscriber.publishes).toEqual([]);
    });

    test('has the packets in front of a malformed packet handled, and no packet behind it', async () => {
      await start();
      const before = broker.counters().bytesReceived;
      const good = [hasty(), ...publishes(0)].map((packet) => generate(packet, { protocolVersion: version }));
      const behind = publishes(1).map((packet) => generate(packet, { protocolVersion: version }));
      // PUBACK with reserved flags.
      const bytes = Buffer.concat([...good, Buffer.from([0x41, 2, 0, 1]), ...behind]);
      socket.end(bytes);
      await turnsUntil(() => broker.counters().bytesReceived >= before + bytes.length);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await within(closed, () => 'the end of the connection');
      for (let count = 0; count < 10; count++) await turn();
      member.resume();
      expect(await payloads(1)).toEqual(['QoS 0']);
      await subscriber.settle();
      expect(subscriber.publishes).toHaveLength(1);
    });
  },
);

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
