import type { LiveLab } from './monitored-lab.ts';
import { until } from './wait-until.ts';

/** On a machine with other work each step may take a while; none of this is a measurement. */
const stepMsMax = 120_000;
/** Before the kill, so that a count has something to rise from. */
const scrapesMin = 8;

export interface FailoverFindings {
  readonly killed: string;
  /** By the application's own words, and as Prometheus shows it. */
  readonly gapMs: { readonly application: number; readonly prometheus: number };
  /** Alerts that fired because of the kill and were cleared after the start. */
  readonly alerts: readonly string[];
}

export const alertsOfAKill = ['MqttClusterMemberDown', 'MqttClusterClientFailover'] as const;

/**
 * Kills the member that the application is connected to, waits for the alerts to fire, starts it again and waits for them
 * to clear. @throws Error naming the step that did not happen.
 */
export async function checkFailover(lab: LiveLab, say: (text: string) => void): Promise<FailoverFindings> {
  const { api, cluster } = lab;
  await until('a few scrapes of every target', stepMsMax, async () => {
    const scrapes = await api.value('min(sum_over_time(up[10m]))');
    const targets = await api.value('count(up == 1)');
    return (scrapes ?? 0) >= scrapesMin && targets === cluster.layout.members.length + 1 ? true : null;
  });
  const killed = await until('a connection of the application', stepMsMax, async () => {
    const { server } = await lab.application();
    return server;
  });
  const killedAtSeconds = Date.now() / 1_000;
  const firing = (alert: string): string => `ALERTS{alertname="${alert}",alertstate="firing"}`;
  await cluster.fault('kill', [[killed]]);
  say(`killed ${killed}, to which the application was connected`);
  for (const alert of alertsOfAKill) {
    await until(`${alert} firing`, stepMsMax, async () => {
      // Looked up in what was recorded: it may have been cleared before anybody asked.
      const fired = await api.range(firing(alert), killedAtSeconds, Date.now() / 1_000);
      return fired.length > 0 ? true : null;
    });
    say(`${alert} fired`);
  }
  const gapMs = await until('the gap of the application in Prometheus', stepMsMax, async () => {
    const { lastGapMs } = await lab.application();
    const shown = await api.value('mqtt_cluster_client_last_gap_seconds');
    if (lastGapMs === null || shown === null || shown === 0) return null;
    return { application: lastGapMs, prometheus: shown * 1_000 };
  });
  say(
    `gap: the application says ${gapMs.application.toFixed(1)} ms, Prometheus ${gapMs.prometheus.toFixed(1)} ms`,
  );
  await cluster.fault('start', [[killed]]);
  say(`started ${killed}`);
  for (const alert of alertsOfAKill) {
    await until(`${alert} cleared`, stepMsMax, async () =>
      (await api.query(firing(alert))).length === 0 ? true : null,
    );
    say(`${alert} is cleared`);
  }
  return { killed, gapMs, alerts: alertsOfAKill };
}
