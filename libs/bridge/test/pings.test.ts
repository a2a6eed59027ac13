import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { PeerMessage } from '@mqtt-cluster/contracts';
import { host } from '@mqtt-cluster/testing';
import { encodeFrame } from '../src/frame/frame.ts';
import { publishHeader } from '../src/link/publish-header.ts';
import { freeSites, startBridge, stopAll } from './harness.ts';
import type { RunningBridge, Site } from './harness.ts';
import { propose, timeoutNow } from './samples.ts';

/** A peer that accepts connections, answers pings and records their times. */
class Peer {
  readonly pings = { raft: [] as number[], log: [] as number[] };
  /** Pings that arrived in one segment with a frame. */
  carriedPings = 0;
  /** Segments that the peer has received. */
  packets = 0;
  /** True when the peer answers no more pings. */
  isSilent = false;
  readonly #now: () => number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(now: () => number) {
    this.#now = now;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async start(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, host, resolve));
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    let kind: 'raft' | 'log' = 'raft';
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.packets++;
      if (chunk[0] === 0x10) {
        kind = chunk.includes(':log') ? 'log' : 'raft';
        socket.write(Buffer.from([0x20, 2, 0, 0]));
      } else if (chunk.subarray(-2).equals(Buffer.from([0xc0, 0]))) {
        this.pings[kind].push(this.#now());
        if (chunk.length > 2) this.carriedPings++;
        if (!this.isSilent) socket.write(Buffer.from([0xd0, 0]));
      }
    });
  }
}

let nowMs = 0;
let check: () => void = () => {};
let peer: Peer;
let sites: Site[];
let a: RunningBridge;
let incoming: Socket | null = null;

beforeEach(async () => {
  nowMs = 0;
  sites = await freeSites('a', 'b');
  peer = new Peer(() => nowMs);
  await peer.start(sites[1]!.port);
  a = await startBridge(sites, 'a', {
    now: () => nowMs,
    everySecond: (callback) => {
      check = callback;
      return () => {};
    },
  });
  await a.recorder.untilState('b', 'up');
});

afterEach(async () => {
  incoming?.destroy();
  incoming = null;
  await stopAll();
  peer.close();
});

/** Lets the pings and their answers arrive. */
async function settle(): Promise<void> {
  for (let turns = 0, before = -1; turns < 5; turns = before === peer.packets ? turns + 1 : 0) {
    before = peer.packets;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Lets the bridge check its connections once a second. `each` runs before each check. */
async function pass(
  seconds: number,
  each: (second: number) => void | Promise<void> = () => {},
): Promise<void> {
  for (let second = 1; second <= seconds; second++) {
    nowMs += 1_000;
    await each(second);
    await settle();
    check();
    await settle();
  }
}

const hello = (): void => a.bridge.send([{ to: 'b', channel: 'raft', message: timeoutNow(1) }]);

const appendAnswer: PeerMessage = {
  type: 'raft',
  message: {
    ...{ type: 'appendResponse', term: 1, storeId: 'b', toStoreId: 'a' },
    ...{ success: true, matchIndex: 1, conflictTerm: 0, round: 1 },
  },
};
const queryAnswer: PeerMessage = { type: 'queryAnswer', request: 1, code: 200, body: new Uint8Array(1) };

/** Connects as the peer. Returns a function that sends this message. */
async function sentByPeer(kind: 'raft' | 'log', message: PeerMessage): Promise<() => Promise<void>> {
  const { port } = a.bridge.address();
  const socket = connect(port, host);
  incoming = socket;
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const names = [text(`bridge:b:${kind}`), text('1:test')];
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0x82, 0, 30]), ...names]);
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  await new Promise((resolve) => socket.once('data', resolve));
  const frame = encodeFrame([message]);
  const topic = kind === 'raft' ? '$bridge/raft' : '$bridge/live';
  return async () => {
    const before = a.recorder.messages.length;
    socket.write(publishHeader(topic, frame.length, frame));
    await a.recorder.until(() => a.recorder.messages.length > before);
  };
}

test('each hello message on an idle link carries a ping, and every second one also pings the log connection', async () => {
  await pass(1);
  peer.pings.raft.length = peer.pings.log.length = peer.carriedPings = 0;
  await pass(60, (second) => {
    if (second % 10 === 0) hello();
  });
  expect([peer.pings.raft.length, peer.carriedPings]).toEqual([6, 6]);
  expect(peer.pings.log).toHaveLength(3);
  for (const atMs of peer.pings.log) expect(peer.pings.raft).toContain(atMs);
});

test('the first frame on an idle log connection carries a ping, and the next frames do not', async () => {
  await pass(12);
  peer.pings.log.length = 0;
  const entry = (): void => a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array(1)) }]);
  entry();
  await settle();
  entry();
  await settle();
  expect(peer.pings.log).toEqual([nowMs]);
});

test('a raft connection in use has a ping every two seconds', async () => {
  await pass(1);
  peer.pings.raft.length = 0;
  await pass(20, hello);
  expect(peer.pings.raft).toHaveLength(10);
});

test('a raft connection whose heartbeats the peer answers has the pings of an idle one, until the answers end', async () => {
  const answer = await sentByPeer('raft', appendAnswer);
  await pass(4);
  peer.pings.raft.length = 0;
  await pass(20, async () => {
    hello();
    await answer();
  });
  expect(peer.pings.raft).toHaveLength(2);
  peer.pings.raft.length = 0;
  await pass(4, hello);
  expect(peer.pings.raft).toHaveLength(2);
});

test('an append answer is no reason to omit pings while entries travel on the log connection', async () => {
  const answer = await sentByPeer('raft', appendAnswer);
  await pass(4);
  peer.pings.raft.length = 0;
  await pass(20, async () => {
    hello();
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array(1)) }]);
    await answer();
  });
  expect(peer.pings.raft).toHaveLength(10);
});

test('a log connection whose questions the peer answers has the pings of an idle one, until the answers end', async () => {
  const answer = await sentByPeer('log', queryAnswer);
  const question: PeerMessage = { type: 'query', request: 1, kind: 'x', body: new Uint8Array(1) };
  const ask = (): void => a.bridge.send([{ to: 'b', channel: 'live', message: question }]);
  await pass(1);
  peer.pings.log.length = 0;
  await pass(20, async () => {
    ask();
    await answer();
  });
  expect(peer.pings.log).toHaveLength(2);
  peer.pings.log.length = 0;
  await pass(4, ask);
  expect(peer.pings.log).toHaveLength(4);
});

test('an idle link to a peer that stops answering is closed within three seconds after the next ping', async () => {
  await pass(1);
  peer.isSilent = true;
  peer.pings.raft.length = 0;
  while (peer.pings.raft.length === 0) await pass(1);
  expect(a.recorder.links.map(({ state }) => state)).toEqual(['up']);
  await pass(3);
  // The bridge connects again at once.
  await a.recorder.until(() => a.recorder.links.some(({ state }) => state === 'down'));
});
