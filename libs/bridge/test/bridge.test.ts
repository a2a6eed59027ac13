import { createServer } from 'node:net';
import { ListenError } from '@mqtt-cluster/contracts';
import type { Outgoing } from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { createBridge } from '../src/index.ts';
import { freeSites, startBridge, stopAll, stopBridge, Recorder } from './harness.ts';
import { live, propose, timeoutNow } from './samples.ts';

afterEach(stopAll);

describe('bridges on a loopback network', () => {
  test('carry all channels in both directions, in order per channel', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a');
    const b = await startBridge(sites, 'b');
    await Promise.all([a.recorder.untilState('b', 'up'), b.recorder.untilState('a', 'up')]);

    const numbers = Array.from({ length: 200 }, (_, index) => index);
    const turn = (number: number): Outgoing[] => [
      { to: 'b', channel: 'raft', message: timeoutNow(number) },
      { to: 'b', channel: 'log', message: propose(new Uint8Array([number])) },
      { to: 'b', channel: 'live', message: live('t', new Uint8Array([number])) },
    ];
    for (const number of numbers) a.bridge.send(turn(number));
    b.bridge.send([{ to: 'a', channel: 'log', message: propose(new Uint8Array(3_000_000).fill(7)) }]);

    await b.recorder.until(() => b.recorder.messages.length === 600);
    const got = b.recorder.from('a');
    expect(got.filter(({ type }) => type === 'raft')).toStrictEqual(
      numbers.map((number) => timeoutNow(number)),
    );
    expect(got.filter(({ type }) => type === 'propose')).toStrictEqual(
      numbers.map((number) => propose(new Uint8Array([number]))),
    );
    expect(got.filter(({ type }) => type === 'live')).toHaveLength(200);
    await a.recorder.until(() => a.recorder.messages.length === 1);
    expect(a.recorder.from('b')).toStrictEqual([propose(new Uint8Array(3_000_000).fill(7))]);
    expect(a.bridge.counters()['b']).toMatchObject({ framesRefused: 0, liveDropped: 0 });
    expect(a.bridge.counters()['b']!.bytesSent).toBe(b.bridge.counters()['a']!.bytesReceived);
  });

  test('measure the round-trip time to a peer', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a');
    await startBridge(sites, 'b');
    await a.recorder.untilState('b', 'up');
    expect(a.bridge.counters()['b']!.roundTripMs).toBeNull();
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (a.bridge.counters()['b']!.roundTripMs === null) return;
        clearInterval(timer);
        resolve();
      }, 20);
    });
    expect(a.bridge.counters()['b']!.roundTripMs).toBeGreaterThanOrEqual(0);
  });

  test('report the link to a stopped peer as refused, drop messages to this peer, and reconnect when the peer restarts', async () => {
    const sites = await freeSites('a', 'b', 'c');
    const a = await startBridge(sites, 'a');
    const b = await startBridge(sites, 'b');
    const c = await startBridge(sites, 'c');
    await Promise.all([a, c].map(({ recorder }) => recorder.untilState('b', 'up')));
    await a.recorder.untilState('c', 'up');

    const before = a.recorder.links.length;
    await stopBridge(b);
    await Promise.all([a, c].map(({ recorder }) => recorder.untilState('b', 'refused')));
    a.bridge.send([
      { to: 'b', channel: 'log', message: propose(new Uint8Array([1])) },
      { to: 'b', channel: 'live', message: live('t', new Uint8Array()) },
      { to: 'c', channel: 'log', message: propose(new Uint8Array([1])) },
    ]);
    await c.recorder.until(() => c.recorder.messages.length === 1);
    expect(a.bridge.counters()['b']).toMatchObject({ liveDropped: 1, backlogBytes: 0 });

    const again = await startBridge(sites, 'b');
    await Promise.all([a, c].map(({ recorder }) => recorder.untilState('b', 'up')));
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array([2])) }]);
    await again.recorder.until(() => again.recorder.messages.length === 1);
    expect(again.recorder.from('a')).toStrictEqual([propose(new Uint8Array([2]))]);
    expect(a.recorder.links.slice(before).filter(({ peer }) => peer === 'c')).toEqual([]);
  });

  test('never connect to a member of another cluster, and log the reason on both sides', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a', { cluster: 'north' });
    const b = await startBridge(sites, 'b', { cluster: 'south' });
    const logged = (recorder: Recorder, words: string): Promise<void> =>
      recorder.until(() => recorder.warnings.some((warning) => warning.includes(words)));
    await logged(b.recorder, 'it belongs to the cluster');
    await logged(a.recorder, 'connection rejected by a peer');
    const states = [...a.recorder.links, ...b.recorder.links].map(({ state }) => state);
    expect(states).not.toContain('up');
  });

  test('deliver the messages that were sent immediately before stop', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a');
    const b = await startBridge(sites, 'b');
    await a.recorder.untilState('b', 'up');
    a.bridge.send([{ to: 'b', channel: 'raft', message: timeoutNow(7) }]);
    await stopBridge(a);
    await b.recorder.until(() => b.recorder.messages.length === 1);
    await b.recorder.untilState('a', 'refused');
  });

  test('drop a message that exceeds the maximum frame size, and deliver the next one', async () => {
    const sites = await freeSites('a', 'b');
    const a = await startBridge(sites, 'a');
    const b = await startBridge(sites, 'b');
    await a.recorder.untilState('b', 'up');
    a.bridge.send([
      { to: 'b', channel: 'log', message: propose(new Uint8Array(33 * 1024 * 1024)) },
      { to: 'b', channel: 'log', message: propose(new Uint8Array([2])) },
    ]);
    await b.recorder.until(() => b.recorder.messages.length === 1);
    expect(b.recorder.from('a')).toStrictEqual([propose(new Uint8Array([2]))]);
    expect(a.recorder.warnings.join()).toContain('it exceeds the maximum frame size');
  });

  test('report metrics per peer', async () => {
    const sites = await freeSites('a', 'b');
    const values = new Map<string, number>();
    const changes = new Recorder();
    const note = (name: string, labels: readonly string[], value: number): void => {
      values.set(`${name}{${labels.join()}}`, value);
      changes.changed();
    };
    const value = (name: string, labels: string): number =>
      values.get(`mqtt_cluster_bridge_${name}{${labels}}`) ?? 0;
    const metrics: Metrics = {
      add: ({ name }, labels, amount = 1) =>
        note(name, labels, (values.get(`${name}{${labels.join()}}`) ?? 0) + amount),
      set: ({ name }, labels, amount) => note(name, labels, amount),
      observe: () => {},
      remove: () => {},
    };
    const a = await startBridge(sites, 'a', { metrics });
    a.bridge.send([{ to: 'b', channel: 'live', message: live('t', new Uint8Array()) }]);
    await startBridge(sites, 'b');
    await a.recorder.untilState('b', 'up');
    a.bridge.send([{ to: 'b', channel: 'log', message: propose(new Uint8Array([2])) }]);
    await changes.until(() => value('up', 'b') === 1 && value('frames_total', 'b,sent') === 1);
    expect(value('connects_total', 'b')).toBe(2);
    expect(value('dropped_messages_total', 'b,live')).toBe(1);
    expect(value('bytes_total', 'b,sent')).toBe(a.bridge.counters()['b']!.bytesSent);
  });

  test('drop messages to themselves and to unknown members', async () => {
    const sites = await freeSites('a', 'b');
    const { bridge } = await startBridge(sites, 'a');
    bridge.send([
      { to: 'a', channel: 'log', message: propose() },
      { to: 'nobody', channel: 'log', message: propose() },
    ]);
    expect(Object.keys(bridge.counters())).toEqual(['b']);
  });

  test('fail to start when the address of the cluster listener is in use', async () => {
    const [site] = await freeSites('a');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(site!.port, site!.host, resolve));
    const recorder = new Recorder();
    const bridge = createBridge({
      self: 'a',
      cluster: 'test',
      peers: [],
      listen: site!,
      handlers: recorder.handlers,
      logger: recorder.logger,
    });
    const start = bridge.start();
    await expect(start).rejects.toThrow(ListenError);
    await expect(start).rejects.toThrow(
      `cannot listen on ${site!.host}:${site!.port}: the address is in use`,
    );
    await bridge.stop();
    await new Promise((resolve) => server.close(resolve));
  });
});
