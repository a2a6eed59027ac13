import { heldBytes } from '@mqtt-cluster/testing';
import { EventLog } from '../../src/queries/index.ts';
import type { EventLogLimits } from '../../src/queries/event-log.ts';
import { ClusterEvents, recordClientEvent } from '../../src/queries/index.ts';

const limits: EventLogLimits = {
  ageMsMax: 3_600_000,
  perClientMax: 5,
  clientBytesMax: 100_000,
  clusterMax: 4,
};
let nowMs: number;
let log: EventLog;

beforeEach(() => {
  nowMs = 1_000_000;
  log = new EventLog(limits, () => nowMs);
});

function connected(client: string, address: string): void {
  nowMs++;
  recordClientEvent(log, { kind: 'connected', client, address, text: 'the client connected' });
}

const textsOf = (client?: string): string[] =>
  log.newest(client === undefined ? {} : { client }).map(({ text }) => text);

describe('the events of clients', () => {
  test('are returned newest first, of one client or of all', () => {
    connected('a', '10.0.0.1');
    connected('b', '10.0.0.1');
    connected('a', '10.0.0.1');
    expect(log.newest({ client: 'a' }).map(({ atMs }) => atMs)).toEqual([1_000_003, 1_000_001]);
    expect(log.newest({}).map(({ client }) => client)).toEqual(['a', 'b', 'a']);
    expect(log.newest({ beforeMs: 1_000_003 }).map(({ client }) => client)).toEqual(['b', 'a']);
  });

  test('are returned up to the limit, with those of the cluster', () => {
    connected('a', '10.0.0.1');
    connected('b', '10.0.0.1');
    log.addClusterEvent({ kind: 'alarm', text: 'alarm' });
    connected('c', '10.0.0.1');
    expect(log.newest({ limit: 2 }).map(({ client, text }) => client ?? text)).toEqual(['c', 'b']);
    expect(log.newest({ limit: 3, beforeMs: 1_000_003 }).map(({ client, text }) => client ?? text)).toEqual([
      'b',
      'alarm',
      'a',
    ]);
  });

  test('are returned in the order of their times after the clock was set back, until the older ones have left', () => {
    connected('a', '10.0.0.1');
    connected('b', '10.0.0.1');
    nowMs -= 10;
    connected('c', '10.0.0.1');
    expect(log.newest({ limit: 2 }).map(({ client }) => client)).toEqual(['b', 'a']);
    nowMs += limits.ageMsMax + 1;
    connected('d', '10.0.0.1');
    expect(log.newest({ limit: 2 }).map(({ client }) => client)).toEqual(['d', 'b']);
  });

  test('leave after an hour', () => {
    connected('a', '10.0.0.1');
    nowMs += limits.ageMsMax;
    connected('b', '10.0.0.1');
    expect(log.newest({}).map(({ client }) => client)).toEqual(['b']);
    expect(log.newest({ client: 'a' })).toEqual([]);
  });

  test('keep the newest events of one client only', () => {
    for (let round = 0; round < 100; round++) connected('a', '10.0.0.1');
    expect(log.newest({ client: 'a' }).map(({ atMs }) => atMs)).toEqual([
      1_000_100, 1_000_099, 1_000_098, 1_000_097, 1_000_096,
    ]);
    expect(log.newest({})).toHaveLength(5);
  });

  test('of a flood from one address with many client ids do not replace those of other addresses', () => {
    for (let index = 0; index < 20; index++) connected(`honest-${index}`, `10.0.1.${index}`);
    for (let index = 0; index < 20_000; index++) connected(`hostile-${index}`, '10.6.6.6');
    for (let index = 0; index < 20; index++)
      expect(log.newest({ client: `honest-${index}` })).toHaveLength(1);
    expect(log.clientBytes).toBeLessThanOrEqual(limits.clientBytesMax);
    expect(log.newest({ client: 'hostile-19999' })).toHaveLength(1);
  });

  test('of other addresses replace those of an address that had all the memory', () => {
    for (let index = 0; index < 2_000; index++) connected(`hostile-${index}`, '10.6.6.6');
    for (let index = 0; index < 50; index++) connected(`honest-${index}`, `10.0.1.${index}`);
    for (let index = 0; index < 50; index++)
      expect(log.newest({ client: `honest-${index}` })).toHaveLength(1);
    expect(log.clientBytes).toBeLessThanOrEqual(limits.clientBytesMax);
  });

  test('of one IPv6 network share the memory of one address', () => {
    connected('honest', '2001:db8:1::1');
    for (let index = 0; index < 5_000; index++)
      connected(`hostile-${index}`, `2001:db8:2::${index.toString(16)}`);
    expect(log.newest({ client: 'honest' })).toHaveLength(1);
  });

  test('contain texts of bounded length', () => {
    const long = 'x'.repeat(100_000);
    recordClientEvent(log, {
      kind: 'refused',
      client: 'a',
      user: long,
      address: '',
      reason: 'other',
      text: long,
    });
    expect(log.clientBytes).toBeLessThan(3_000);
  });
});

describe('the events of the cluster', () => {
  test('have a bound of their own, which clients do not reach', () => {
    const events = new ClusterEvents('m1', log);
    events.record([{ kind: 'state', state: 'isolated', reason: 'm1 has no majority' }]);
    for (let index = 0; index < 5_000; index++) connected(`c-${index}`, '10.6.6.6');
    expect(textsOf()).toContain('m1 has no majority');
    for (let index = 0; index < 10; index++) {
      nowMs++;
      events.record([{ kind: 'alarm', text: `alarm ${index}` }]);
    }
    expect(log.newest({}).filter(({ kind }) => kind === 'alarm')).toHaveLength(4);
    expect(textsOf()).not.toContain('m1 has no majority');
  });

  test('name the elected leader once, and changes of the configuration once', () => {
    const config = { members: [{ id: 'm1', storeId: 's', role: 'voter' as const }] };
    const ofLeader = new ClusterEvents('m1', log);
    const ofFollower = new ClusterEvents('m2', log);
    for (const events of [ofLeader, ofFollower]) {
      events.record([
        { kind: 'state', state: 'joining', reason: 'no leader' },
        { kind: 'leader', leader: 'm1', term: 3 },
        { kind: 'configChanged', config },
        { kind: 'sessionOpened', client: 'c' },
      ]);
    }
    expect(textsOf().toSorted()).toEqual([
      'm1 was elected leader in term 3',
      'the cluster has the voters m1 and the learners none',
    ]);
  });
});

test('keeps no more of a long text in memory than it shows', () => {
  const count = 1_000;
  const longBytes = 40_000;
  const held = heldBytes(() => {
    const own = new EventLog();
    for (let number = 0; number < count; number++) {
      const text = Buffer.from(`${number} ${'x'.repeat(longBytes)}`).toString();
      recordClientEvent(own, { kind: 'refused', client: '', address: '10.0.0.1', user: text, text });
    }
    return own;
  });
  expect(held).toBeLessThan((count * longBytes) / 4);
});
