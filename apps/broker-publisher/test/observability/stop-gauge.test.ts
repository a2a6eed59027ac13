import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import type { ClusterHealth } from '../../src/health/cluster-health.ts';
import { StopGauge } from '../../src/observability/stop-gauge.ts';

type Health = Pick<ClusterHealth, 'members' | 'majority'>;

function healthOf(unhealthy: readonly string[], ids = ['a', 'b', 'c']): Health {
  const members = ids.map((id) => ({ id, role: 'voter', ok: !unhealthy.includes(id) }));
  return { majority: true, members: members as unknown as Health['members'] };
}

/** Reports once or several times, and returns the values of the metrics by name and reason. */
async function reported(
  health: () => Promise<Health>,
  { times = 1, answerMsMax = 60_000 } = {},
): Promise<Record<string, number>> {
  const values: Record<string, number> = {};
  const metrics: typeof noMetrics = {
    ...noMetrics,
    set: ({ name }, labels, value) => {
      values[[name.replace('mqtt_cluster_member_', ''), ...labels].join(' ')] = value;
    },
  };
  const gauge = new StopGauge({ member: 'a', metrics, health, answerMsMax });
  for (let time = 0; time < times; time++) await gauge.report();
  return values;
}

const free = {
  stoppable: 1,
  'stop_blocked no_majority': 0,
  'stop_blocked member_unhealthy': 0,
  'stop_blocked too_few_voters': 0,
};

test('a member that may be stopped reports 1 and no reason', async () => {
  expect(await reported(async () => healthOf([]))).toEqual(free);
  expect(await reported(async () => healthOf(['a']))).toEqual(free);
});

test.each([
  ['no_majority', { ...healthOf([]), majority: false }],
  ['member_unhealthy', healthOf(['c'])],
  ['too_few_voters', healthOf([], ['a', 'b'])],
])('a member that must not be stopped reports 0 and the reason %s', async (reason, health) => {
  const expected = { ...free, stoppable: 0, [`stop_blocked ${reason}`]: 1 };
  expect(await reported(async () => health)).toEqual(expected);
});

test('a member whose leader does not answer reports no_majority, and asks only once', async () => {
  let asked = 0;
  const silent = (): Promise<Health> => {
    asked++;
    return new Promise(() => undefined);
  };
  const values = await reported(silent, { times: 3, answerMsMax: 0 });
  expect(values).toEqual({ ...free, stoppable: 0, 'stop_blocked no_majority': 1 });
  expect(asked).toBe(1);
});
