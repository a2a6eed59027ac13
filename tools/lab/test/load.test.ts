import type { HistoryEvent } from '@mqtt-cluster/history-checker';
import { LabError } from '../src/errors.ts';
import { parseFault } from '../src/fault-forms.ts';
import { FaultInjector } from '../src/load/fault-injector.ts';
import { GapMeter } from '../src/load/gap-meter.ts';
import { gapViolations } from '../src/load/lab-load.ts';
import type { LoadVerdict } from '../src/load/lab-load.ts';
import { percentile } from '../src/load/percentile.ts';
import { TrafficStats } from '../src/load/traffic-stats.ts';
import { renderVerdict } from '../src/view/render-verdict.ts';

function connected(connection: number, clientId: string, server: string, at = 0): HistoryEvent[] {
  const session = { version: 4, clean: false, expirySeconds: null, will: null } as const;
  return [
    { type: 'connect', at, connection, clientId, server, ...session },
    { type: 'connected', at, connection, sessionPresent: true },
  ];
}

function published(connection: number, message: number, at: number, qos: 0 | 1 | 2 = 1): HistoryEvent {
  const flags = { retain: false, dup: false, clear: false } as const;
  return { type: 'publish', at, connection, message, topic: 't', qos, ...flags };
}

const acked = (connection: number, message: number, at: number, code = 0): HistoryEvent => ({
  type: 'acked',
  at,
  connection,
  message,
  code,
});

describe('the failover gap after a kill', () => {
  const name = 'run-steady-publisher-0-qos1';

  function measure(events: readonly HistoryEvent[], after: readonly HistoryEvent[], clientId = name) {
    const meter = new GapMeter();
    for (const event of [...connected(1, clientId, 'm1'), ...events]) meter.add(event);
    const gaps: [number, boolean][] = [];
    meter.watch(1_000, ['m1'], (gapMs, atKilledMember) => gaps.push([gapMs, atKilledMember]));
    for (const event of after) meter.add(event);
    return { gaps, open: meter.openGaps };
  }

  test('ends with the first acknowledgement on a new connection, for a publisher that was connected to the killed member', () => {
    const moved = connected(2, name, 'm2', 1_100);
    const before = [published(1, 1, 990), published(1, 2, 995)];
    const after = [acked(1, 1, 1_010), ...moved, acked(2, 2, 1_150)];
    expect(measure(before, after)).toEqual({ gaps: [[150, true]], open: 0 });
  });

  test('ends with the first acknowledgement of a message that was sent after the kill, for other publishers', () => {
    const meter = new GapMeter();
    for (const event of [...connected(1, name, 'm2'), published(1, 1, 990)]) meter.add(event);
    const gaps: [number, boolean][] = [];
    meter.watch(1_000, ['m1'], (gapMs, atKilledMember) => gaps.push([gapMs, atKilledMember]));
    for (const event of [acked(1, 1, 1_005), published(1, 2, 1_020), acked(1, 2, 1_030)]) meter.add(event);
    expect(gaps).toEqual([[30, false]]);
  });

  test('ends only with an acknowledgement that accepts a message, and not with a rejection', () => {
    const after = [...connected(2, name, 'm2', 1_100), published(2, 3, 1_110), acked(2, 3, 1_120, 0x97)];
    expect(measure([], after)).toEqual({ gaps: [], open: 1 });
  });

  test('is measured only for QoS 1 and QoS 2 publishers of the workload steady', () => {
    expect(measure([], [], 'run-steady-publisher-0-qos0').open).toBe(0);
    expect(measure([], [], 'run-roamer-1').open).toBe(0);
  });

  test('violates P8 when its median exceeds 300 ms or its 99th percentile exceeds 1 s', () => {
    expect(gapViolations({ p50: 300, p99: 1_000, max: 4_000 })).toEqual([]);
    expect(gapViolations({ p50: 301, p99: 1_000, max: 4_000 })).toHaveLength(1);
    expect(gapViolations({ p50: 10, p99: Infinity, max: Infinity })).toHaveLength(1);
    expect(gapViolations({ p50: null, p99: null, max: null })).toEqual([]);
  });

  test('is reported with percentiles by the nearest-rank method', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 99, 100]);
    expect(percentile([], 0.5)).toBeNull();
  });
});

describe('the traffic of a run', () => {
  test('is counted by QoS, without PUBLISH packets with DUP=1 and without rejections', () => {
    const stats = new TrafficStats();
    const delivery = { type: 'delivery', connection: 2, message: 1, topic: 't', retain: false } as const;
    const events: HistoryEvent[] = [
      published(1, 1, 0, 2),
      { ...(published(1, 1, 5, 2) as Extract<HistoryEvent, { type: 'publish' }>), dup: true },
      acked(1, 1, 6),
      published(1, 2, 7),
      acked(1, 2, 8, 0x80),
      { ...delivery, at: 10, qos: 2, dup: false },
      { ...delivery, at: 30, qos: 1, dup: false },
      { type: 'closed', at: 40, connection: 1, how: 'lost' },
      { type: 'closed', at: 40, connection: 2, how: 'disconnect' },
    ];
    for (const event of events) stats.add(event);
    expect(stats.sent).toEqual({ qos0: 0, qos1: 1, qos2: 1 });
    expect(stats.acked).toEqual({ qos0: 0, qos1: 0, qos2: 1 });
    expect(stats.delivered).toEqual({ qos0: 0, qos1: 1, qos2: 1 });
    expect(stats.latenciesMs).toEqual([10, 30]);
    expect(stats.brokenConnections).toBe(1);
  });
});

describe('the fault injector', () => {
  function injector(fails = false) {
    const calls: string[] = [];
    const recorded: string[] = [];
    const cluster = {
      fault: async (action: string, groups: readonly (readonly string[])[]) => {
        calls.push(`${action} ${groups.map((group) => group.join('+')).join('/')}`.trimEnd());
        if (fails) throw new LabError('no');
      },
      report: async () => [],
    };
    const target = new FaultInjector(cluster as never, ['m1', 'm2', 'm3'], ({ id, fault, groups }, phase) =>
      recorded.push(`${phase} ${id} ${fault} ${groups.map((group) => group.join('+')).join('/')}`),
    );
    const inject = async (...texts: string[]) => {
      for (const text of texts) await target.inject(parseFault(text, 3));
    };
    return { calls, recorded, inject };
  }

  test('records a kill for each member, and records its end when that member is started', async () => {
    const { inject, recorded, calls } = injector();
    await inject('kill:1+2', 'start:2');
    expect(calls).toEqual(['kill m1+m2', 'start m2']);
    expect(recorded).toEqual(['begin 1 kill m1', 'begin 2 kill m2', 'end 2 kill m2']);
  });

  test('records a cut with its groups, and records the end of all faults of links, disks and clocks when it executes heal', async () => {
    const { inject, recorded } = injector();
    await inject('cut:1/2+3', 'kill:3', 'full-disk:2', 'heal');
    expect(recorded.slice(-2)).toEqual(['end 1 cut m1/m2+m3', 'end 3 full-disk m2']);
  });

  test('records the end of a pause, but not of a kill, when it executes resume', async () => {
    const { inject, recorded } = injector();
    await inject('kill:1', 'pause:2', 'resume:1+2');
    expect(recorded.slice(2)).toEqual(['end 2 pause m2']);
  });

  test('stops one member at a time in a rolling restart, and records each stop as a separate fault', async () => {
    const { inject, recorded, calls } = injector();
    await inject('rolling:1+2');
    expect(calls).toEqual(['stop m1', 'start m1', 'stop m2', 'start m2']);
    expect(recorded).toEqual(['begin 1 stop m1', 'end 1 stop m1', 'begin 2 stop m2', 'end 2 stop m2']);
  });

  test('records a fault before it executes the fault, so that the history also contains a fault that failed', async () => {
    const { inject, recorded } = injector(true);
    await expect(inject('cut:1/2')).rejects.toThrow('no');
    expect(recorded).toEqual(['begin 1 cut m1/m2']);
  });
});

describe('the verdict of a run', () => {
  const times = { p50: 1, p99: 2, max: 3 };
  const counts = { qos0: 1, qos1: 2, qos2: 3 };
  const verdict: LoadVerdict = {
    ok: true,
    reasons: [],
    rules: [],
    sent: counts,
    acked: counts,
    delivered: counts,
    droppedAtBound: 0,
    gapMs: times,
    gapAtKilledMs: { p50: null, p99: null, max: null },
    latencyMs: times,
  };

  test('is rendered with the reasons first and the result in the last line', () => {
    expect(renderVerdict(verdict).at(-1)).toBe('every promise was kept');
    const lines = renderVerdict({ ...verdict, ok: false, reasons: ['m1 crashed'] });
    expect(lines.slice(-2)).toEqual(['- m1 crashed', 'NOT every promise was kept']);
  });

  test('is rendered with the measured gaps, or with "none" if no gap was measured', () => {
    const text = renderVerdict(verdict).join('\n');
    expect(text).toMatch(/gap after a kill +p50 1 ms, p99 2 ms, max 3 ms/);
    expect(text).toMatch(/gap at killed members +none/);
  });
});
