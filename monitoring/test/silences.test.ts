import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { alertRules } from '../src/index.ts';
import { monitoring, ruleFiles } from './support.ts';

const defaults = join(monitoring, '../ansible/roles/maintenance/defaults/main.yml');
const names = z.array(z.string()).min(1);
const {
  maintenance_member_alerts: ofMember,
  maintenance_host_alerts: ofHost,
  maintenance_site_alerts: ofSite,
} = z
  .object({
    maintenance_member_alerts: names,
    maintenance_host_alerts: names,
    maintenance_site_alerts: names,
  })
  .parse(parse(readFileSync(defaults, 'utf8')));

/** Alerts whose cause a planned stop must not hide. */
const neverSilenced = ['MqttClusterMessagesLost', 'MqttClusterMajorityLost', 'MqttClusterWatchdog'];

const promtoolTests = z.object({
  tests: z.array(
    z.object({
      alert_rule_test: z.array(
        z.object({
          alertname: z.string(),
          exp_alerts: z.array(z.object({ exp_labels: z.record(z.string(), z.string()) })),
        }),
      ),
    }),
  ),
});

const folder = join(monitoring, 'prometheus/tests');
const fired = readdirSync(folder)
  .flatMap((file) => promtoolTests.parse(parse(readFileSync(join(folder, file), 'utf8'))).tests)
  .flatMap((test) => test.alert_rule_test)
  .flatMap(({ alertname, exp_alerts: found }) =>
    found.map(({ exp_labels: labels }) => ({ alertname, labels: Object.keys(labels) })),
  );

/** Returns the fired alerts of the promtool tests that are in a list. */
function firedOf(list: readonly string[]): typeof fired {
  return fired.filter(({ alertname }) => list.includes(alertname));
}

describe('the alerts that the playbooks silence during a planned stop', () => {
  it('exist, and none of them is about a loss', () => {
    const existing = alertRules(ruleFiles).map(({ alert }) => alert);
    expect(existing).toEqual(expect.arrayContaining([...neverSilenced, ...ofMember, ...ofHost, ...ofSite]));
    expect([...ofMember, ...ofHost, ...ofSite].filter((name) => neverSilenced.includes(name))).toEqual([]);
  });

  it('have the label by which only those of the stopped member or host are silenced', () => {
    expect(firedOf(ofMember)).not.toEqual([]);
    expect(firedOf(ofMember).filter(({ labels }) => !labels.includes('member'))).toEqual([]);
    const ofTargets = firedOf(ofHost).filter(
      ({ labels }) => labels.includes('member') || labels.includes('client'),
    );
    expect(ofTargets.length).toBeGreaterThan(0);
    expect(ofTargets.filter(({ labels }) => !labels.includes('instance'))).toEqual([]);
  });

  it('are silenced for the whole site only if they name no member and no host', () => {
    expect(firedOf(ofSite)).not.toEqual([]);
    const narrower = ['member', 'instance'];
    expect(firedOf(ofSite).filter(({ labels }) => narrower.some((name) => labels.includes(name)))).toEqual(
      [],
    );
  });
});
