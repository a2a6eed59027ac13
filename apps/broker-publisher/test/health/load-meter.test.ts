import type { MemberStatus } from '@mqtt-cluster/contracts';
import { ClusterView } from '../../src/node/cluster-view.ts';
import { LoadMeter } from '../../src/health/load-meter.ts';
import type { LoadSample } from '../../src/health/load-meter.ts';

const idle: LoadSample = { delayMs: 0, clients: 0, clientsMax: 100, pendingCommands: 0 };

function sampled(meter: LoadMeter, change: Partial<LoadSample>, seconds = 30): LoadMeter {
  for (let second = 0; second < seconds; second++) meter.sample({ ...idle, ...change });
  return meter;
}

test('the load of a member is the highest of the loads of event loop, clients and pending commands', () => {
  expect(sampled(new LoadMeter(), {}).load).toBe(0);
  expect(sampled(new LoadMeter(), { clients: 50 }).load).toBe(0.5);
  expect(sampled(new LoadMeter(), { delayMs: 200 }).load).toBe(0.4);
  expect(sampled(new LoadMeter(), { pendingCommands: 14_000, clients: 50 }).load).toBe(0.7);
  expect(sampled(new LoadMeter(), { delayMs: 60_000, pendingCommands: 1e9 }).load).toBe(1);
});

test('LoadMeter rejects clients after many seconds of event loop delay, but not after one, and accepts them at a lower load', () => {
  const meter = sampled(new LoadMeter(), { delayMs: 5_000 }, 1);
  expect(meter.admission).toBe('all');
  expect(sampled(meter, { delayMs: 5_000 }).admission).toBe('refuse');
  expect(sampled(meter, { delayMs: 450 }).admission).toBe('refuse');
  expect(sampled(meter, { delayMs: 350 }).admission).toBe('redirect');
  expect(sampled(meter, { delayMs: 250 }).admission).toBe('all');
  expect(sampled(meter, { delayMs: 350 }).admission).toBe('all');
});

test('LoadMeter redirects clients, but does not reject them, when the number of clients is near its bound', () => {
  expect(sampled(new LoadMeter(), { clients: 99 }).admission).toBe('redirect');
});

const peer = (load: number, clients: number, state = 'serving') => ({
  state,
  clients,
  load,
  appliedIndex: 1,
  urls: [],
});

function status(change: Partial<MemberStatus>): MemberStatus {
  const links = { b: 'up', c: 'up', d: 'down' };
  const peers = { b: peer(0.5, 1), c: peer(0.1, 9), d: peer(0, 0) };
  return { id: 'a', state: 'serving', connections: 3, links, peers, ...change } as unknown as MemberStatus;
}

const members = ['a', 'b', 'c', 'd'];
const urls = new Map(members.map((id) => [id, [`mqtt://${id}.example:1883`]]));
const view = new ClusterView({ members, urls, ownUrls: [], usesLoopback: false });

test('ClusterView redirects clients to the member with the lowest load, but not if this load is only slightly lower', () => {
  expect(view.redirectTarget(status({}), 0.9, 'tcp')).toBe('c.example:1883');
  expect(view.redirectTarget(status({}), 0.2, 'tcp')).toBeUndefined();
  expect(view.redirectTarget(status({ state: 'draining' }), 0, 'tcp')).toBe('c.example:1883');
  const others = { b: peer(0.5, 1), c: peer(0.1, 9, 'isolated') } as unknown as MemberStatus['peers'];
  expect(view.redirectTarget(status({ peers: others }), 0.9, 'tcp')).toBe('b.example:1883');
});

test('$SYS/cluster/members contains the last report of each member and marks unreachable members', () => {
  expect(view.advertisements(status({}), 0.3)).toEqual([
    { id: 'a', urls: urls.get('a'), state: 'serving', clients: 3, load: 0.3 },
    { id: 'b', urls: urls.get('b'), state: 'serving', clients: 1, load: 0.5 },
    { id: 'c', urls: urls.get('c'), state: 'serving', clients: 9, load: 0.1 },
    { id: 'd', urls: urls.get('d'), state: 'unreachable', clients: 0, load: 0 },
  ]);
});

describe('ClusterView without the setting urls', () => {
  const announcing = (...urlsOfB: string[]) =>
    status({
      state: 'draining',
      peers: { b: { ...peer(0, 1), urls: urlsOfB } } as unknown as MemberStatus['peers'],
    });
  const viewOf = (usesLoopback: boolean): ClusterView =>
    new ClusterView({ members, urls: new Map(), ownUrls: ['mqtt://192.0.2.1:1883'], usesLoopback });

  test('redirects clients to the URL that a peer announces', () => {
    expect(viewOf(false).redirectTarget(announcing('mqtt://192.0.2.2:1884'), 0, 'tcp')).toBe(
      '192.0.2.2:1884',
    );
    expect(viewOf(false).redirectTarget(announcing('mqtt://[2001:db8::2]:1883'), 0, 'tcp')).toBe(
      '[2001:db8::2]:1883',
    );
    expect(viewOf(false).redirectTarget(announcing(), 0, 'tcp')).toBeUndefined();
  });

  test.each(['mqtt://127.0.0.2:1883', 'mqtt://[::1]:1883', 'mqtt://localhost:1883', 'no URL'])(
    'does not redirect clients to %s',
    (url) => {
      const reachable = 'mqtt://192.0.2.2:1883';
      expect(viewOf(false).redirectTarget(announcing(url), 0, 'tcp')).toBeUndefined();
      expect(viewOf(false).redirectTarget(announcing(url, reachable), 0, 'tcp')).toBe('192.0.2.2:1883');
    },
  );

  test('redirects clients to a loopback address if the cluster runs on loopback addresses', () => {
    expect(viewOf(true).redirectTarget(announcing('mqtt://127.0.0.2:1883'), 0, 'tcp')).toBe('127.0.0.2:1883');
  });

  test.each([
    ['tcp', '192.0.2.2:1883'],
    ['tls', 'b.example:8883'],
    ['ws', undefined],
    ['wss', 'b.example:443'],
  ] as const)('redirects a client of a %s listener to a listener of the same kind only', (kind, target) => {
    const peer = announcing('mqtts://b.example:8883', 'mqtt://192.0.2.2:1883', 'wss://b.example/mqtt');
    expect(viewOf(false).redirectTarget(peer, 0, kind)).toBe(target);
  });

  test('advertises the own URL and those of the peers', () => {
    const [own, other] = viewOf(false).advertisements(announcing('mqtt://192.0.2.2:1884'), 0);
    expect([own?.urls, other?.urls]).toEqual([['mqtt://192.0.2.1:1883'], ['mqtt://192.0.2.2:1884']]);
  });
});
