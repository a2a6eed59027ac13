import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { host, until } from '@mqtt-cluster/testing';
import { SelfProbe } from '../../src/health/self-probe.ts';
import { TestCluster } from '../support/test-cluster.ts';

let nowMs: number;
let selfProbe: SelfProbe;
let cluster: TestCluster | null;
let server: Server | null;

function createProbe(port: number): void {
  selfProbe = new SelfProbe({
    memberId: 'a',
    connect: () => connect({ host, port }),
    credentials,
    now: () => nowMs,
  });
}

/** Sends one more probe and waits for the answer. */
async function answered(): Promise<void> {
  nowMs++;
  selfProbe.probe();
  await until(() => selfProbe.lastAnswerMs === nowMs);
}

async function listen(created: Server): Promise<void> {
  server = created.listen(0, host);
  await once(server, 'listening');
  createProbe((server.address() as AddressInfo).port);
}

const credentials = { userName: '$watchdog', password: 'x'.repeat(32) };

beforeEach(() => {
  nowMs = 0;
  cluster = null;
  server = null;
});

afterEach(async () => {
  selfProbe.stop();
  await cluster?.close();
  if (server === null || !server.listening) return;
  server.close();
  await once(server, 'close');
});

test('the self probe receives its own message although other clients publish retained messages on its topics', async () => {
  cluster = await TestCluster.start(['a']);
  const stranger = await cluster.connect('a', 'stranger');
  const long = 'x'.repeat(300);
  stranger.publish('$watchdog/a', long, 1, 1, true);
  await stranger.got('puback');
  await stranger.subscribe('$watchdog/#', 0);
  createProbe(cluster.portsOf('a').mqtt);
  await answered();
  const own = stranger.received.findLast((packet) => packet.cmd === 'publish');
  stranger.publish(String(own?.topic), long, 1, 2, true);
  await stranger.got('puback', 2);
  await answered();
  selfProbe.stop();
  await answered();
});

test('the rejection by a draining member counts as an answer to the self probe', async () => {
  cluster = await TestCluster.start(['a']);
  createProbe(cluster.portsOf('a').mqtt);
  await answered();
  await fetch(`${cluster.httpUrl('a')}/drain?exit=false`, { method: 'POST' });
  await until(async () => (await cluster!.status('a')).drained);
  await answered();
});

test('a connection that the broker closes without CONNACK counts as an answer to the self probe', async () => {
  await listen(createServer((socket) => socket.destroy()));
  await answered();
});

test('neither an open connection without CONNACK nor a refused connection counts as an answer to the self probe', async () => {
  let accepted = 0;
  await listen(
    createServer((socket) => {
      accepted++;
      socket.on('error', () => undefined).resume();
    }),
  );
  for (const count of [1, 2]) {
    nowMs++;
    selfProbe.probe();
    await until(() => accepted === count);
  }
  selfProbe.stop();
  server!.close();
  await once(server!, 'close');
  selfProbe.probe();
  expect(selfProbe.lastAnswerMs).toBe(0);
});
