import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Loopback } from '../../src/health/self-probe.ts';
import { Appliances, host, until } from '../support/appliances.ts';

let nowMs: number;
let loopback: Loopback;

/** Asks once more, and waits for the answer. */
async function asked(): Promise<void> {
  nowMs++;
  loopback.ask();
  await until(() => loopback.answeredAtMs === nowMs);
}

beforeEach(() => {
  nowMs = 0;
});
afterEach(() => loopback.stop());

test('nothing that others publish or retain on its topics keeps a member from hearing itself', async () => {
  const cluster = await Appliances.start(['a']);
  try {
    const stranger = await cluster.connect('a', 'stranger');
    const long = 'x'.repeat(300);
    stranger.publish('$watchdog/a', long, 1, 1, true);
    await stranger.got('puback');
    await stranger.subscribe('$watchdog/#', 0);
    const { mqtt: port } = cluster.ports('a');
    loopback = new Loopback({ memberId: 'a', host, port, now: () => nowMs });
    await asked();
    const own = stranger.received.findLast((packet) => packet.cmd === 'publish');
    stranger.publish(String(own?.topic), long, 1, 2, true);
    await stranger.got('puback', 2);
    await asked();
    loopback.stop();
    await asked();
  } finally {
    loopback.stop();
    await cluster.stop();
  }
});

test('who is turned away at the door, for too many are there, has been answered', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  loopback = new Loopback({ memberId: 'a', host, port, now: () => nowMs });
  await asked();
  server.close();
  await once(server, 'close');
});

test('who takes a connection and says nothing has not answered, nor has who is not there', async () => {
  let taken = 0;
  const server = createServer((socket) => {
    taken++;
    socket.on('error', () => undefined).resume();
  }).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  loopback = new Loopback({ memberId: 'a', host, port, now: () => nowMs });
  for (const count of [1, 2]) {
    nowMs++;
    loopback.ask();
    await until(() => taken === count);
  }
  loopback.stop();
  server.close();
  await once(server, 'close');
  loopback.ask();
  expect(loopback.answeredAtMs).toBe(0);
});
