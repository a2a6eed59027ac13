import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { generate } from '../src/generator/generator.ts';
import { PacketScanner, packetTypes } from '../src/wire.ts';

/** A minimal broker that can lose or duplicate messages: it delivers `copies(count)` copies of each message. */
class TinyBroker {
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Map<string, Socket>();
  readonly #server: Server;
  readonly #copies: (count: number) => number;
  #published = 0;

  constructor(copies: (count: number) => number) {
    this.#copies = copies;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async start(): Promise<{ host: string; port: number }> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    const scanner = new PacketScanner((first, bytes, start, end) => {
      const type = first >> 4;
      if (type === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
      else if (type === 8) {
        const filter = bytes.toString('utf8', start + 4, end - 1);
        this.#subscribers.set(filter, socket);
        socket.write(Buffer.from([0x90, 3, bytes[start]!, bytes[start + 1]!, bytes[end - 1]!]));
      } else if (type === packetTypes.publish) this.#publish(socket, bytes.subarray(start, end));
    });
    socket.on('data', (chunk: Buffer) => scanner.push(chunk));
  }

  #publish(publisher: Socket, body: Buffer): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    const subscriber = this.#subscribers.get(body.toString('utf8', 2, topicEnd));
    const packet = Buffer.concat([Buffer.from([0x32, body.length]), body]);
    for (let copy = 0; copy < this.#copies(this.#published); copy++) subscriber?.write(packet);
    this.#published++;
    publisher.write(Buffer.from([0x40, 2, body[topicEnd]!, body[topicEnd + 1]!]));
  }
}

async function run(copies: (count: number) => number) {
  const broker = new TinyBroker(copies);
  const endpoint = await broker.start();
  try {
    const load = { publishers: 2, subscribers: 2, payloadBytes: 32, rate: 0, window: 5, undeliveredMax: 50 };
    const length = { warmUpSeconds: 0, seconds: 0.2 };
    return await generate({ endpoints: [endpoint], qos: 1, clean: true, ...load, ...length, label: 'test' });
  } finally {
    await broker.stop();
  }
}

test('the generator reports no losses, duplicates or order violations for a correct broker', async () => {
  const result = await run(() => 1);
  expect(result.published).toBeGreaterThan(0);
  expect(result).toMatchObject({ delivered: result.published, lost: 0, duplicates: 0, outOfOrder: 0 });
  expect(result.acknowledged.p50).not.toBeNull();
  expect(result.endToEnd.p99).not.toBeNull();
});

test('the generator counts every duplicate that a broker delivers', async () => {
  const result = await run((count) => (count % 3 === 0 ? 2 : 1));
  expect(result.duplicates).toBe(Math.ceil(result.published / 3));
  expect(result.lost).toBe(0);
});

test('the generator counts an acknowledged message as lost if the broker never delivers the message', async () => {
  const result = await run((count) => (count === 4 ? 0 : 1));
  expect(result.lost).toBe(1);
});
