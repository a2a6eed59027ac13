import { clientSpecsOf } from '../src/run/load-generator.ts';
import { seededRandom } from '@mqtt-cluster/kit';
import { defaultLimits } from '@mqtt-cluster/history-checker';
import { quietTimes } from '../src/workloads/quiet.ts';
import { linkFilter } from '../src/workloads/link.ts';
import { workloads } from '../src/workloads/index.ts';
import type { WorkloadName } from '../src/workloads/index.ts';
import type { ClientSpec, ClientStep } from '../src/workloads/client-spec.ts';

const names = Object.keys(workloads) as WorkloadName[];
const servers = 7;
const place = { servers, remotes: 1, qosMax: 2, versions: [4, 5], sharesSubscriptions: true } as const;

function specsOf(
  name: WorkloadName,
  seed: number,
  over: Partial<typeof place | { qosMax: 1; versions: [4] }> = {},
) {
  return clientSpecsOf({ [name]: 1 }, 100, seed, 'p/', { ...place, ...over });
}

function stepsOf(spec: ClientSpec, seed: number, count = 300): ClientStep[] {
  const plan = spec.plan(seededRandom(seed, `plan of ${spec.name}`));
  return Array.from({ length: count }, () => plan.next().value as ClientStep);
}

function plansOf(specs: readonly ClientSpec[], seed: number) {
  return specs.map((spec) => ({ ...spec, plan: stepsOf(spec, seed) }));
}

describe.each(names)('workload %s', (name) => {
  it('has equal clients and plans for equal seeds, and different clients and plans for different seeds', () => {
    expect(plansOf(specsOf(name, 1), 1)).toEqual(plansOf(specsOf(name, 1), 1));
    expect(plansOf(specsOf(name, 1), 1)).not.toEqual(plansOf(specsOf(name, 2), 2));
  });

  it('has clients with unique names, which use only topics and filters below the prefix of the workload', () => {
    const specs = specsOf(name, 3);
    expect(new Set(specs.map((spec) => spec.name)).size).toBe(specs.length);
    for (const spec of specs) {
      for (const { filter } of spec.subscriptions) expect(filter).toMatch(/^(\$share\/[\w-]+\/)?p\//);
      for (const step of stepsOf(spec, 3)) {
        if (step.do === 'publish') expect(step.topic).toMatch(/^p\/[^#+]+$/);
        if (step.do === 'move') expect(step.server).toBeLessThan(servers);
        if (step.do === 'move') expect(step.awayMs).toBeGreaterThanOrEqual(0);
      }
    }
  });

  it.each([1, 3])('selects an existing first server for every client if the target has %i servers', (few) => {
    const firstServers = clientSpecsOf({ [name]: 1 }, 100, 3, 'p/', { ...place, servers: few }).map(
      ({ firstServer }) => firstServer,
    );
    expect(firstServers.filter((firstServer) => !Number.isInteger(firstServer) || firstServer < 0)).toEqual(
      [],
    );
  });

  it('uses no QoS 2 and no MQTT 5 with a target that supports neither', () => {
    for (const spec of specsOf(name, 4, { qosMax: 1, versions: [4] })) {
      expect(spec.version).toBe(4);
      expect(spec.will?.qos ?? 0).toBeLessThan(2);
      const asked = stepsOf(spec, 4).map((step) => ('qos' in step ? step.qos : 0));
      expect(Math.max(0, ...asked, ...spec.subscriptions.map(({ qos }) => qos))).toBeLessThan(2);
    }
  });

  it('has only plans that contain pauses, so that no client executes its endless plan without waiting', () => {
    for (const spec of specsOf(name, 5)) {
      const steps = stepsOf(spec, 5);
      const passed = steps.reduce(
        (sum, step) => sum + (step.do === 'wait' ? step.ms : step.do === 'move' ? step.awayMs : 0),
        0,
      );
      expect(passed).toBeGreaterThan(0);
    }
  });
});

describe('the publish rate of every workload except `wills` and `quiet`', () => {
  it('is between 60 and 160 messages a second for a configured rate of 100', () => {
    for (const name of names.filter((each) => each !== 'wills' && each !== 'quiet')) {
      const perSecond = specsOf(name, 6).reduce((sum, spec) => {
        const steps = stepsOf(spec, 6, 2_000);
        const published = steps.filter((step) => step.do === 'publish').length;
        const ms = steps.reduce((all, step) => all + (step.do === 'wait' ? step.ms : 0), 0);
        return sum + (published * 1_000) / ms;
      }, 0);
      expect(perSecond).toBeGreaterThan(60);
      expect(perSecond).toBeLessThan(160);
    }
  });
});

describe('workload takeover', () => {
  it('connects the clients with the same id to different servers in each round', () => {
    const rivals = specsOf('takeover', 7).filter(({ clientId }) => clientId === 'contested-0');
    expect(rivals).toHaveLength(3);
    const moves = rivals.map((spec) =>
      stepsOf(spec, 7, 600).flatMap((step) => (step.do === 'move' ? [step.server] : [])),
    );
    const rounds = Math.min(...moves.map(({ length }) => length));
    expect(rounds).toBeGreaterThan(3);
    for (let round = 0; round < rounds; round++) {
      expect(new Set(moves.map((servers) => servers[round])).size).toBe(3);
    }
  });

  it('sometimes pauses for longer than the time bound of a takeover, so that the checker can report an older connection that stays open', () => {
    for (const spec of specsOf('takeover', 7)) {
      const rests: number[] = [0];
      for (const step of stepsOf(spec, 7, 2_000)) {
        if (step.do === 'move') rests.push(0);
        else if (step.do === 'wait') rests.push((rests.pop() ?? 0) + step.ms);
      }
      expect(Math.max(...rests)).toBeGreaterThan(defaultLimits.takeoverMsMax + 1_000);
      expect(rests.filter((ms) => ms < 2_500).length).toBeGreaterThan(rests.length / 2);
    }
  });

  it('never uses QoS 2, because two clients could not share a QoS 2 exchange', () => {
    for (const spec of specsOf('takeover', 8)) {
      const asked = stepsOf(spec, 8).map((step) => (step.do === 'publish' ? step.qos : 0));
      expect(Math.max(...asked)).toBe(1);
    }
  });
});

describe('workload wills', () => {
  it('ends connections in every way, both with and without a will delay, and has two persistent sessions that subscribe to the wills', () => {
    const specs = specsOf('wills', 9);
    const mortals = specs.filter(({ will }) => will !== undefined);
    expect(new Set(mortals.map(({ will }) => will?.delaySeconds))).toContain(3);
    expect(new Set(mortals.map(({ onLoss }) => onLoss.kind))).toEqual(new Set(['pause', 'roam']));
    const ways = new Set(
      mortals.flatMap((spec) => stepsOf(spec, 9).flatMap((step) => (step.do === 'move' ? [step.how] : []))),
    );
    expect(ways).toEqual(new Set(['drop', 'disconnect']));
    expect(specs.filter(({ will, clean }) => will === undefined && !clean)).toHaveLength(2);
  });
});

describe('workload quiet', () => {
  const moves = specsOf('quiet', 10).flatMap((spec) => {
    let atMs = 0;
    return stepsOf(spec, 10, 4).flatMap((step) => {
      if (step.do === 'wait') atMs += step.ms;
      return step.do === 'move' ? [{ spec, atMs, ...step }] : [];
    });
  });
  const { stopMs, stoppedMs } = quietTimes;

  it('has wills that are due while all members are stopped, and after kills of the leader', () => {
    const dueMs = moves.flatMap(({ spec: { will, expirySeconds }, atMs }) =>
      will === undefined ? [] : [atMs + 1_000 * Math.min(will.delaySeconds, expirySeconds ?? Infinity)],
    );
    expect(dueMs.filter((ms) => ms > stopMs && ms < stopMs + stoppedMs)).toHaveLength(2);
    expect(dueMs.filter((ms) => ms > quietTimes.leaderKillsMs[0] && ms < stopMs)).toHaveLength(2);
  });

  it('has sessions that expire while all members are stopped, and one that outlasts the run', () => {
    const sleepers = moves.filter(({ how, spec }) => how === 'disconnect' && !spec.clean);
    expect(sleepers.every(({ atMs }) => atMs < stopMs)).toBe(true);
    const dueMs = sleepers.map(({ atMs, spec }) => atMs + 1_000 * (spec.expirySeconds ?? 0));
    expect(dueMs.filter((ms) => ms > stopMs && ms < stopMs + stoppedMs)).toHaveLength(2);
    expect(dueMs.filter((ms) => ms > 600_000)).toHaveLength(1);
  });
});

describe('workload link', () => {
  const specs = (remotes: number) => clientSpecsOf({ link: 1 }, 100, 1, 'load/run/', { ...place, remotes });

  it('publishes on both sides of the link, and only topics that a link with the filter passes', () => {
    const publishers = specs(1).filter(({ subscriptions }) => subscriptions.length === 0);
    expect(new Set(publishers.map(({ atRemote = false }) => atRemote))).toEqual(new Set([false, true]));
    const shape = new RegExp(`^${linkFilter.replace('+', '[^/]+').replace('#', '.+')}$`);
    for (const spec of publishers)
      for (const step of stepsOf(spec, 1)) if (step.do === 'publish') expect(step.topic).toMatch(shape);
  });

  it('subscribes on each side to the messages of the other side, with a session that outlives its connection', () => {
    const subscribers = specs(1).filter(({ subscriptions }) => subscriptions.length > 0);
    const filters = (remote: boolean) =>
      subscribers
        .filter(({ atRemote = false }) => atRemote === remote)
        .flatMap(({ subscriptions }) => subscriptions.map(({ filter, qos }) => `${filter} ${qos}`));
    expect(filters(true)).toEqual(['load/run/link/# 2', 'load/run/link/near/# 1']);
    expect(filters(false)).toEqual(['load/run/link/# 2', 'load/run/link/remote/# 1']);
    expect(subscribers.filter(({ clean }) => clean)).toEqual([]);
  });

  it('has no clients for a target without a broker beyond a link', () => {
    expect(specs(0)).toEqual([]);
  });

  it('has a form with messages of QoS 2 only, for links that publish every message with QoS 2', () => {
    const exact = clientSpecsOf({ exactLink: 1 }, 100, 1, 'load/run/', place);
    const levels = exact.flatMap((spec) =>
      stepsOf(spec, 1).flatMap((step) => (step.do === 'publish' ? [step.qos] : [])),
    );
    expect(new Set(levels)).toEqual(new Set([2]));
  });
});
