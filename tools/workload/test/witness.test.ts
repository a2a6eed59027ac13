import { generate, parser } from 'mqtt-packet';
import type { Packet } from 'mqtt-packet';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@mqtt-cluster/kit';
import { Witness } from '../src/index.ts';

const host = '127.0.0.1';
/** CONNACK return code of MQTT 3.1.1, table 3.1. */
const serverUnavailable = 3;
const everything = { fromMs: 0, untilMs: Infinity, includes: () => true };

/** A server that acknowledges each message and sends it to all subscribers, except those that a test withholds. */
class Relay {
  readonly #subscribers = new Set<Socket>();
  readonly #sockets = new Set<Socket>();
  /** Number of further connections that the server refuses with CONNACK. */
  refusals = 0;
  acknowledges = true;
  /** Returns the messages that subscribers receive instead of this one. */
  forward: (payload: string) => string[] = (payload) => [payload];
  readonly #server: Server = createServer((socket) => {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    const packets = parser({ protocolVersion: 4 });
    packets.on('packet', (packet: Packet) => this.#answer(socket, packet));
    socket.on('data', (data: Buffer) => packets.parse(data));
  });

  #answer(socket: Socket, packet: Packet): void {
    if (packet.cmd === 'connect') {
      if (this.refusals-- > 0) {
        socket.end(generate({ cmd: 'connack', returnCode: serverUnavailable, sessionPresent: false }));
        return;
      }
      socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }));
    }
    if (packet.cmd === 'subscribe') {
      this.#subscribers.add(socket);
      socket.write(generate({ cmd: 'suback', messageId: packet.messageId!, granted: [1] }));
    }
    if (packet.cmd !== 'publish') return;
    if (packet.qos === 1 && this.acknowledges)
      socket.write(generate({ cmd: 'puback', messageId: packet.messageId! }));
    for (const payload of this.forward(packet.payload.toString()))
      for (const subscriber of this.#subscribers)
        subscriber.write(
          generate({ cmd: 'publish', topic: packet.topic, payload, qos: 0, dup: false, retain: false }),
        );
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, host, resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#subscribers.clear();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}

let relay: Relay;
let witness: Witness;

beforeEach(async () => {
  relay = new Relay();
  const port = await relay.listen();
  witness = new Witness();
  await witness.start([
    { host, port },
    { host, port },
  ]);
});

afterEach(() => {
  witness.end();
  relay.close();
});

async function measured(count: number): Promise<void> {
  await waitFor('messages', () => (witness.latency(everything).count >= count ? true : undefined), {
    timeoutMs: 10_000,
  });
}

test('the witness receives each message of both publishers at both subscribers, and misses none', async () => {
  await measured(16);
  const report = await witness.stop();
  expect(report.acknowledged).toBeGreaterThanOrEqual(4);
  expect(report).toMatchObject({
    received: [report.acknowledged, report.acknowledged],
    missing: 0,
    outOfOrder: 0,
    disconnects: 0,
  });
  expect(report.p99Ms).toBeLessThan(Infinity);
});

test('the latency of a path counts only its messages in the given time', async () => {
  await measured(16);
  const all = witness.latency(everything).count;
  const path = witness.latency({
    ...everything,
    includes: (publisher, subscriber) => publisher + subscriber === 0,
  });
  expect(path.count).toBe(all / 4);
  expect(witness.latency({ ...everything, fromMs: performance.now() }).count).toBe(0);
});

test('a message that no subscriber receives is missing, and its latency is infinite', async () => {
  relay.forward = (payload) => (payload === '3' ? [] : [payload]);
  await measured(24);
  const report = await witness.stop();
  expect(report.missing).toBe(2);
  expect(report.p99Ms).toBe(Infinity);
}, 40_000);

test('a message on a topic of the witness without its mark is foreign, and no message of the witness is', async () => {
  const other = new Relay();
  const marked = new Witness({ mark: 'm4rk ' });
  const port = await other.listen();
  other.forward = (payload) => (payload === 'm4rk 3' ? [payload, '3', 'x'] : [payload]);
  await marked.start([{ host, port }]);
  await waitFor('messages', () => (marked.latency(everything).count >= 6 ? true : undefined), {
    timeoutMs: 10_000,
  });
  expect(await marked.stop()).toMatchObject({ missing: 0, foreign: 2 });
  other.close();
});

test('a message that arrives after a later one of its publisher is out of order', async () => {
  // Messages 1, 3 and 5 come from the same publisher.
  relay.forward = (payload) => (payload === '3' ? [] : payload === '5' ? ['5', '3'] : [payload]);
  await measured(24);
  const report = await witness.stop();
  expect(report).toMatchObject({ missing: 0, outOfOrder: 2 });
});

test('the witness counts connections that the server closes', async () => {
  await measured(8);
  relay.cut();
  await delay(0);
  await measured(24);
  expect((await witness.stop()).disconnects).toBeGreaterThanOrEqual(4);
});

test('a client of the witness that the server refuses with CONNACK connects again', async () => {
  await measured(8);
  // Both publishers and both subscribers are refused once.
  const clients = 4;
  relay.refusals = clients;
  relay.cut();
  await waitFor('reconnects', () => (relay.refusals <= -clients ? true : undefined), { timeoutMs: 20_000 });
  await witness.stop();
}, 60_000);

test('returns the time from publish to acknowledgement, and Infinity without an acknowledgement', async () => {
  const counted = (count: number, fromMs: number) =>
    waitFor(
      `${count} messages`,
      () => (witness.acknowledgements({ fromMs, untilMs: Infinity }).count >= count ? true : undefined),
      { timeoutMs: 10_000 },
    );
  await counted(10, 0);
  relay.acknowledges = false;
  const silentFromMs = performance.now();
  await counted(4, silentFromMs);
  const before = witness.acknowledgements({ fromMs: 0, untilMs: silentFromMs });
  expect(before.p50Ms).toBeGreaterThan(0);
  expect(before.p50Ms).toBeLessThan(Infinity);
  expect(witness.acknowledgements({ fromMs: silentFromMs, untilMs: Infinity }).p50Ms).toBe(Infinity);
});

test('a client that a member without a leader refuses at the start connects as soon as the member accepts it', async () => {
  const late = new Relay();
  late.refusals = 3;
  const port = await late.listen();
  const patient = new Witness();
  await patient.start([{ host, port }]);
  await waitFor('messages', () => (patient.latency(everything).count >= 4 ? true : undefined), {
    timeoutMs: 10_000,
  });
  expect(await patient.stop()).toMatchObject({ missing: 0, disconnects: 0, disconnected: [] });
  late.close();
}, 30_000);

test('the start ends with the reason of the refusal when a member refuses for too long', async () => {
  const never = new Relay();
  never.refusals = Infinity;
  const port = await never.listen();
  const impatient = new Witness({ connectMsMax: 1_000 });
  await expect(impatient.start([{ host, port }])).rejects.toThrow(
    /timed out after 1 s waiting for the connection of witness-subscriber-0 .*Server unavailable/,
  );
  never.close();
}, 30_000);
