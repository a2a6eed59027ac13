import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { freeSites, startBridge, stopAll } from './harness.ts';
import type { Site } from './harness.ts';
import { live, propose, timeoutNow } from './samples.ts';

const servers = new Set<Server>();
const sockets = new Set<Socket>();

afterEach(async () => {
  await stopAll();
  for (const socket of sockets) socket.destroy();
  await Promise.all([...servers].map((server) => new Promise((resolve) => server.close(resolve))));
  servers.clear();
});

/** Starts a peer that accepts connections and CONNECT, and after that neither reads nor responds. */
async function startStalledPeer({ host, port }: Site): Promise<void> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(Buffer.from([0x20, 0x02, 0x00, 0x00]));
      socket.pause();
    });
  });
  servers.add(server);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
}

const mebibyte = 1024 * 1024;

describe('a bridge with a stalled peer', () => {
  test('drops live messages to that peer first, then log messages, and still serves other peers', async () => {
    const sites = await freeSites('a', 'stalled', 'c');
    await startStalledPeer(sites[1]!);
    const c = await startBridge(sites, 'c');
    const a = await startBridge(sites, 'a', {
      liveBacklogBytesMax: mebibyte,
      logBacklogBytesMax: 8 * mebibyte,
    });
    await Promise.all(['stalled', 'c'].map((peer) => a.recorder.untilState(peer, 'up')));

    const payload = new Uint8Array(mebibyte / 4);
    const counters = (): { liveDropped: number; backlogBytes: number } => a.bridge.counters()['stalled']!;
    // The kernel buffers some megabytes before a backlog forms.
    for (let sent = 0; counters().liveDropped === 0; sent += 1) {
      expect(sent).toBeLessThan(400);
      a.bridge.send([{ to: 'stalled', channel: 'live', message: live('t', payload) }]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(counters().backlogBytes).toBeGreaterThan(mebibyte);
    expect(counters().backlogBytes).toBeLessThan(2 * mebibyte);

    for (let sent = 0; sent < 100; sent += 1) {
      a.bridge.send([{ to: 'stalled', channel: 'log', message: propose(payload) }]);
    }
    expect(counters().backlogBytes).toBeGreaterThan(8 * mebibyte);
    expect(counters().backlogBytes).toBeLessThan(9 * mebibyte);

    a.bridge.send([
      { to: 'stalled', channel: 'raft', message: timeoutNow(1) },
      { to: 'c', channel: 'raft', message: timeoutNow(1) },
      { to: 'c', channel: 'live', message: live('t', payload) },
    ]);
    await c.recorder.until(() => c.recorder.messages.length === 2);
    expect(a.bridge.counters()['c']).toMatchObject({ liveDropped: 0 });
  });

  test('disconnects the peer after the response timeout, and reconnects when the peer responds', async () => {
    const sites = await freeSites('a', 'b', 'c');
    await startStalledPeer(sites[1]!);
    const c = await startBridge(sites, 'c');
    const a = await startBridge(sites, 'a');
    await Promise.all(['b', 'c'].map((peer) => a.recorder.untilState(peer, 'up')));
    const before = a.recorder.links.length;
    await a.recorder.until(() => a.recorder.links.slice(before).some(({ peer }) => peer === 'b'));
    expect(a.recorder.links[before]).toEqual({ peer: 'b', state: 'down' });
    expect(a.recorder.state('c')).toBe('up');
    expect(c.recorder.state('a')).toBe('up');

    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
    servers.clear();
    await a.recorder.untilState('b', 'refused');
    await startBridge(sites, 'b');
    await a.recorder.untilState('b', 'up');
  });
});
