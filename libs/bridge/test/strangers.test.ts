import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { MqttClient } from 'mqtt';
import type { IClientOptions } from 'mqtt';
import { strangersMax, strangersPerSecond, unauthenticatedPerNetworkMax } from '../src/bounds.ts';
import { freeSites, startBridge, stopAll, stopBridge } from './harness.ts';
import type { Site } from './harness.ts';

/** Another address of this host, which is not the address of a peer. */
const strangerAddress = '127.0.0.253';

let sites: Site[];
const sockets: Socket[] = [];
const reopenMs = 100;
/** Set at the end of a test: its strangers open no further connection. */
let current = { ended: false };

beforeEach(async () => {
  current = { ended: false };
  sites = await freeSites('m1', 'm2');
});

afterEach(async () => {
  current.ended = true;
  for (const socket of sockets.splice(0)) socket.destroy();
  await stopAll();
});

/** Opens a connection to the cluster port of m1 that sends nothing. */
async function silentSocket(localAddress: string): Promise<Socket> {
  const { host, port } = sites[0]!;
  const socket = connectSocket({ host, port, localAddress });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

/** Holds connections that send nothing, and opens a new one for each that the listener closes, until the test ends. */
function holdSilentSockets(count: number): void {
  const own = current;
  const hold = (localAddress: string): void => {
    if (own.ended) return;
    void silentSocket(localAddress).then((socket) => {
      if (socket.destroyed) setTimeout(() => hold(localAddress), reopenMs);
      else socket.once('close', () => setTimeout(() => hold(localAddress), reopenMs));
    });
  };
  // Half of them come from the address of the peers.
  for (let number = 0; number < count; number++) hold(number % 2 === 0 ? strangerAddress : sites[1]!.host);
}

function closed(socket: Socket): Promise<void> {
  return socket.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => socket.once('close', () => resolve()));
}

function dial(options: IClientOptions, localAddress?: string): MqttClient {
  const { host, port } = sites[0]!;
  const open = (): Socket => {
    const socket = connectSocket({ host, port, ...(localAddress !== undefined && { localAddress }) });
    sockets.push(socket);
    return socket;
  };
  const client = new MqttClient(open, { reconnectPeriod: 0, clean: true, ...options });
  client.on('error', () => undefined);
  return client;
}

const asPeer: IClientOptions = { clientId: 'bridge:m2:raft', username: '1:test', protocolVersion: 4 };

test.each([
  ['sixty', 60],
  ['three hundred', 300],
])('%s silent sockets on the cluster port keep no peer away', async (_count, count) => {
  const m1 = await startBridge(sites, 'm1');
  const former = await startBridge(sites, 'm2');
  await m1.recorder.untilState('m2', 'up');
  await stopBridge(former);
  await m1.recorder.until(() => m1.recorder.state('m2') !== 'up');
  holdSilentSockets(count);
  // The strangers have all places that they can get.
  await m1.recorder.until(() => m1.recorder.warnings.some((warning) => warning.includes('unauthenticated')));
  const m2 = await startBridge(sites, 'm2');
  await Promise.all([m1.recorder.untilState('m2', 'up'), m2.recorder.untilState('m1', 'up')]);
});

test('strangers get few places before their CONNECT, and the oldest loses its place first', async () => {
  await startBridge(sites, 'm1');
  const first = await silentSocket(strangerAddress);
  const others: Socket[] = [];
  for (let number = 1; number < unauthenticatedPerNetworkMax; number++)
    others.push(await silentSocket(strangerAddress));
  expect(first.destroyed).toBe(false);
  await silentSocket(strangerAddress);
  await closed(first);
  expect(others.filter(({ destroyed }) => destroyed)).toHaveLength(0);
});

test('strangers with many connections take no place from a stranger with one', async () => {
  await startBridge(sites, 'm1');
  const other = await silentSocket('127.0.0.252');
  // More addresses than two: one address may not open so many connections in this time.
  for (let number = 0; number < 2 * strangersMax; number++)
    await silentSocket(`127.0.0.${240 + (number % 8)}`);
  expect(other.destroyed).toBe(false);
});

test('a stranger that connects too fast is closed before its handshake, and delays neither others nor a peer', async () => {
  let nowMs = 0;
  const m1 = await startBridge(sites, 'm1', { now: () => nowMs });
  const tooFast = (): boolean =>
    m1.recorder.warnings.some((warning) => warning.includes('connections a second'));
  const isAdmitted = async (address: string): Promise<boolean> => {
    const client = dial({ clientId: 'stranger', protocolVersion: 4 }, address);
    let isAnswered = false;
    // A refused CONNECT has an answer: identifier rejected.
    client.on('error', (error) => (isAnswered ||= (error as { code?: unknown }).code === 2));
    await new Promise<void>((resolve) => client.once('close', () => resolve()));
    return isAnswered;
  };
  const burst = 5 * strangersPerSecond;
  for (let attempt = 0; attempt < burst; attempt++) expect(await isAdmitted(strangerAddress)).toBe(true);
  expect(tooFast()).toBe(false);
  const late = await silentSocket(strangerAddress);
  await closed(late);
  expect(tooFast()).toBe(true);
  expect(await isAdmitted('127.0.0.252')).toBe(true);
  // The bound leaves out the address of a peer.
  for (let attempt = 0; attempt <= burst; attempt++) expect(await isAdmitted(sites[1]!.host)).toBe(true);
  nowMs += 1_000;
  for (let attempt = 0; attempt < strangersPerSecond; attempt++)
    expect(await isAdmitted(strangerAddress)).toBe(true);
});

test('a connection that sends no CONNECT loses its place after the bound of that time', async () => {
  const m1 = await startBridge(sites, 'm1');
  const socket = await silentSocket(strangerAddress);
  const gone = closed(socket);
  await gone;
  await m1.recorder.until(() =>
    m1.recorder.warnings.some((warning) => warning.includes('not authenticated in time')),
  );
});

test('refused CONNECTs with changing ids on the cluster port cost one line with a count', async () => {
  let nowMs = 0;
  const m1 = await startBridge(sites, 'm1', { now: () => nowMs });
  const count = 20;
  for (let number = 0; number < count; number++) {
    const options =
      number % 2 === 0
        ? { clientId: `stranger-${number}`, protocolVersion: 4 as const }
        : { ...asPeer, username: `1:cluster-${number}` };
    const client = dial(options, strangerAddress);
    await new Promise<void>((resolve) => client.once('close', () => resolve()));
  }
  expect(m1.recorder.warnings.filter((warning) => warning.includes('rejected'))).toHaveLength(2);
  nowMs += 10_000;
  m1.bridge.report();
  const summaries = m1.recorder.warnings.filter((warning) => warning.includes('suppressed'));
  expect(summaries).toHaveLength(2);
  for (const summary of summaries) expect(summary).toContain(`"suppressed":${count / 2 - 1}`);
});

test('in a lab, a stranger that connects as bridge:m2 from another address does not displace the living connection of m2', async () => {
  const m1 = await startBridge(sites, 'm1');
  const peer = dial(asPeer);
  await new Promise<void>((resolve) => peer.once('connect', () => resolve()));
  const stranger = dial(asPeer, strangerAddress);
  let accepted = false;
  stranger.on('connect', () => (accepted = true));
  await new Promise<void>((resolve) => stranger.once('close', () => resolve()));
  expect([accepted, peer.connected]).toEqual([false, true]);
  await m1.recorder.until(() => m1.recorder.warnings.some((warning) => warning.includes('another address')));
  peer.end(true);
});
