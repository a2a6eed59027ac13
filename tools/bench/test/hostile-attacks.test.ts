import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { waitFor } from '@mqtt-cluster/kit';
import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { GainCounter, sumOfGains } from '../src/hostile/attacker/gain.ts';
import { inLanes } from '../src/hostile/attacker/lanes.ts';
import { targetSchema } from '../src/hostile/attacker/protocol.ts';
import type { Target } from '../src/hostile/attacker/protocol.ts';
import { attacks } from '../src/hostile/attacks/index.ts';
import { Witness } from '@mqtt-cluster/workload';

const host = '127.0.0.1';
const waiting = { timeoutMs: 20_000, intervalMs: 20 };

/** A server for one attack. It records packets, and answers with what a broker without any bound would answer. */
class DefencelessServer {
  readonly packets: Packet[] = [];
  readonly bytes: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** True: the server closes each connection after CONNACK. */
  closes = false;
  opened = 0;

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    this.opened++;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    const packets = parser({ protocolVersion: 4 });
    let version: 4 | 5 = 4;
    packets.on('error', () => undefined);
    packets.on('packet', (packet: Packet) => {
      this.packets.push(packet);
      if (packet.cmd === 'connect') version = packet.protocolVersion === 5 ? 5 : 4;
      const answer = answerTo(packet);
      if (answer !== null) socket.write(generate(answer, { protocolVersion: version }));
      if (this.closes && packet.cmd === 'connect') socket.end();
    });
    socket.on('data', (data: Buffer) => {
      this.bytes.push(data);
      packets.parse(data);
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, host, resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size;
  }

  connects() {
    return this.packets.filter((packet) => packet.cmd === 'connect');
  }

  publishes() {
    return this.packets.filter((packet) => packet.cmd === 'publish');
  }

  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    this.dropAll();
  }
}

function answerTo(packet: Packet): Packet | null {
  switch (packet.cmd) {
    case 'connect':
      return { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false };
    case 'publish':
      if (packet.qos === 0) return null;
      return { cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId!, reasonCode: 0 };
    case 'subscribe':
      return { cmd: 'suback', messageId: packet.messageId!, granted: packet.subscriptions.map(() => 0) };
    default:
      return null;
  }
}

const servers: DefencelessServer[] = [];
let controller = new AbortController();
const attacking: Promise<void>[] = [];

afterEach(async () => {
  controller.abort();
  for (const server of servers.splice(0)) server.close();
  await Promise.all(attacking.splice(0));
  controller = new AbortController();
});

/** Starts an attack on a server. */
async function attack(name: string, closes = false) {
  const server = new DefencelessServer();
  server.closes = closes;
  servers.push(server);
  const port = await server.listen();
  const gain = new GainCounter();
  const target: Target = {
    ...{ attack: name, host, mqttPort: port, tlsPort: port, httpPort: port, clusterPort: port },
    ...{ spare: { host, mqttPort: port }, other: { host, mqttPort: port } },
    ...{ cluster: 'lab', part: 0, parts: 2, socketsMax: 20 },
  };
  const chosen = attacks.find((each) => each.name === name)!;
  const states: string[] = [];
  const { signal } = controller;
  attacking.push(chosen.run({ target, gain, signal, report: (state) => states.push(state) }));
  return { server, gain, states };
}

test('the rows have unique names: one for each attack of the issue, and two without an attack', () => {
  const names = attacks.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toHaveLength(22);
  expect(attacks.filter(({ isControl }) => isControl).map(({ name }) => name)).toEqual([
    'control-processor',
    'control-network',
  ]);
});

test('a process of an attack that cannot read its target reports an error', () => {
  expect(targetSchema.safeParse({ attack: 'sessions' }).success).toBe(false);
});

test('the gains of several processes are added up', () => {
  expect(sumOfGains([{ a: 1, b: 2 }, { a: 3 }, {}])).toEqual({ a: 4, b: 2 });
});

test('lanes run each number once and at most so many at a time', async () => {
  const seen: number[] = [];
  let open = 0;
  let most = 0;
  await inLanes(10, 3, new AbortController().signal, async (number) => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(number);
    open--;
  });
  expect(seen.sort((left, right) => left - right)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(most).toBe(3);
});

test.each(['control-processor', 'control-network'])(
  '%s works, and never connects to a member',
  async (name) => {
    const { server, gain } = await attack(name);
    await waitFor(
      'work',
      () => (Object.values(gain.counts).some((count) => count >= 100) ? true : undefined),
      waiting,
    );
    expect(server.opened).toBe(0);
  },
);

test('silent-cluster-sockets holds 300 sockets that send nothing', async () => {
  const { server } = await attack('silent-cluster-sockets');
  await waitFor('300 sockets', () => (server.open === 300 ? true : undefined), waiting);
  expect(server.bytes).toEqual([]);
});

test.each(['fake-bridge', 'changing-bridge-ids'])(
  '%s begins TLS handshakes again and again',
  async (name) => {
    const { server, gain } = await attack(name);
    await waitFor('handshakes', () => (server.bytes.length >= 6 ? true : undefined), waiting);
    // 22 is the record type of a handshake.
    expect(server.bytes.every((bytes) => bytes[0] === 22)).toBe(true);
    expect(gain.get('CONNECTs tried')).toBeGreaterThanOrEqual(6);
  },
);

test('stalled-tls sends the start of a handshake and nothing else', async () => {
  const { server } = await attack('stalled-tls');
  await waitFor('500 sockets', () => (server.open === 500 ? true : undefined), waiting);
  await waitFor('first bytes', () => (server.bytes.length >= 500 ? true : undefined), waiting);
  expect(new Set(server.bytes.map((bytes) => bytes.toString('hex')))).toEqual(new Set(['160301020001']));
});

test('idle-connections opens its part of the sockets, and not more than the limit of open files permits', async () => {
  const { server, gain } = await attack('idle-connections');
  await waitFor('20 clients', () => (gain.get('clients accepted') === 20 ? true : undefined), waiting);
  expect(server.connects().every(({ keepalive }) => keepalive === 0)).toBe(true);
  expect(server.opened).toBe(20);
});

test('large-filters subscribes to filters of 50 KB in packets below 256 KiB', async () => {
  const { server, gain } = await attack('large-filters');
  await waitFor('20 filters', () => (gain.get('filters granted') >= 20 ? true : undefined), waiting);
  const subscribe = server.packets.find((packet) => packet.cmd === 'subscribe')!;
  expect(subscribe.subscriptions).toHaveLength(5);
  expect(subscribe.subscriptions[0]!.topic.length).toBeGreaterThan(50_000);
  expect(subscribe.subscriptions[0]!.topic.length * 5).toBeLessThan(256 * 1024);
});

test('large-retained publishes retained messages of 200 KB on different topics', async () => {
  const { server, gain } = await attack('large-retained');
  await waitFor(
    'acknowledgements',
    () => (gain.get('publishes acknowledged') >= 5 ? true : undefined),
    waiting,
  );
  const [first, second] = server.publishes();
  expect(first).toMatchObject({ retain: true, qos: 1, topic: 'flood/retained/0' });
  expect(first!.payload).toHaveLength(200_000);
  expect(second!.topic).toBe('flood/retained/1');
});

test('large-wills connects clients with wills of 60 KB', async () => {
  const { server } = await attack('large-wills');
  await waitFor('three clients', () => (server.connects().length >= 3 ? true : undefined), waiting);
  expect(server.connects()[0]!.will!.payload).toHaveLength(60_000);
});

test('unreleased-qos2 publishes with QoS 2 and sends no PUBREL', async () => {
  const { server, gain } = await attack('unreleased-qos2');
  await waitFor('PUBRECs', () => (gain.get('publishes received (PUBREC)') >= 60 ? true : undefined), waiting);
  expect(server.publishes().every(({ qos }) => qos === 2)).toBe(true);
  expect(server.packets.some(({ cmd }) => cmd === 'pubrel')).toBe(false);
});

test('unfinished-packets sends a packet of 255 KB without its last byte', async () => {
  const { server, gain } = await attack('unfinished-packets');
  await waitFor('ten packets', () => (gain.get('MB sent') >= 2.55 ? true : undefined), waiting);
  expect(server.publishes()).toEqual([]);
});

test('queue-bytes leaves absent sessions with subscriptions and then publishes to them', async () => {
  const { server, gain } = await attack('queue-bytes');
  await waitFor('publishes', () => (gain.get('publishes acknowledged') >= 3 ? true : undefined), waiting);
  const absent = server.connects().filter(({ clientId }) => clientId.startsWith('absent-'));
  expect(absent).toHaveLength(50);
  expect(absent.every(({ clean }) => clean === false)).toBe(true);
  expect(server.publishes()[0]).toMatchObject({ topic: 'flood/queue/0', retain: false });
});

test('sessions leaves persistent sessions with different client ids', async () => {
  const { server } = await attack('sessions');
  await waitFor('20 sessions', () => (server.connects().length >= 20 ? true : undefined), waiting);
  const some = server.connects().slice(0, 20);
  expect(new Set(some.map(({ clientId }) => clientId)).size).toBe(20);
  expect(some.every(({ clean }) => clean === false)).toBe(true);
});

test('session-hijack uses the client ids of the witness and of the absent victim as another user', async () => {
  const { server } = await attack('session-hijack');
  const ids = ['absent-victim', ...Witness.clientIds(2)];
  await waitFor('all ids', () => (server.connects().length >= 10 ? true : undefined), waiting);
  const seen = server.connects().slice(0, 10);
  expect(new Set(seen.map(({ clientId }) => clientId))).toEqual(new Set(ids));
  expect(seen.every(({ username }) => username === 'mallory')).toBe(true);
  expect(new Set(seen.map(({ clean }) => clean))).toEqual(new Set([true, false]));
});

test('flapping-pair connects two devices with one client id again and again', async () => {
  const { server } = await attack('flapping-pair', true);
  await waitFor('six CONNECTs', () => (server.connects().length >= 6 ? true : undefined), waiting);
  expect(new Set(server.connects().map(({ clientId }) => clientId))).toEqual(new Set(['twin']));
});

test('wrong-passwords guesses for a user of the cluster, a user of the file and unknown users', async () => {
  const { server } = await attack('wrong-passwords');
  await waitFor('CONNECTs', () => (server.connects().length >= 10 ? true : undefined), waiting);
  const names = server.connects().map(({ username }) => username ?? '');
  expect(names).toEqual(expect.arrayContaining(['operator', 'witness', expect.stringMatching(/^nobody-/)]));
});

test('crowd-after-kill connects all clients, and connects them again after the death of their member', async () => {
  const { server, gain, states } = await attack('crowd-after-kill');
  await waitFor('all clients', () => (states.includes('prepared') ? true : undefined), waiting);
  expect(new Set(server.connects().map(({ username }) => username)).size).toBe(20);
  server.dropAll();
  await waitFor('all clients again', () => (states.includes('done') ? true : undefined), waiting);
  expect(gain.get('clients back')).toBe(20);
});
