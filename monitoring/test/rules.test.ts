import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requiring } from '@mqtt-cluster/testing';
import { parse } from 'yaml';
import { alertRules, findProgram, recordingRules } from '../src/index.ts';
import { monitoring, ruleFiles, unknownMetrics } from './support.ts';

interface PromtoolTests {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
}

const alerts = alertRules(ruleFiles);
const rules = recordingRules(ruleFiles);
const names = alerts.map(({ alert }) => alert);

function promtool(...argv: string[]): string {
  return execFileSync(findProgram('promtool'), argv, {
    cwd: join(monitoring, 'prometheus'),
    encoding: 'utf8',
  });
}

function yamlIn(folder: string): string[] {
  return readdirSync(join(monitoring, 'prometheus', folder)).map((name) => `${folder}/${name}`);
}

requiring('promtool')('promtool', () => {
  it('accepts the rule files', () => {
    expect(promtool('check', 'rules', ...ruleFiles.map(({ file }) => file))).toContain('SUCCESS');
  });

  it('passes the unit tests of all alerts', () => {
    expect(promtool('test', 'rules', ...yamlIn('tests'))).toContain('SUCCESS');
  });
});

describe('rules and alerts', () => {
  it('have, for every alert, a promtool test in which the alert fires and one in which it does not fire', () => {
    const cases = yamlIn('tests')
      .map((file) => parse(readFileSync(join(monitoring, 'prometheus', file), 'utf8')) as PromtoolTests)
      .flatMap(({ tests }) => tests.flatMap(({ alert_rule_test: checks }) => checks));
    const tested = (fires: boolean): string[] =>
      cases
        .filter(({ exp_alerts: alerted }) => alerted.length > 0 === fires)
        .map(({ alertname }) => alertname);
    expect(names.filter((name) => !tested(true).includes(name))).toEqual([]);
    expect(names.filter((name) => !tested(false).includes(name))).toEqual([]);
    expect(cases.filter(({ alertname }) => !names.includes(alertname))).toEqual([]);
  });

  it('use only metrics and labels that a program exports', () => {
    expect([...rules, ...alerts].flatMap(({ expr }) => unknownMetrics(expr))).toEqual([]);
  });

  it('have unique names', () => {
    const all = [...names, ...rules.map(({ record }) => record)];
    expect(new Set(all).size).toBe(all.length);
  });

  it('have a severity, a promise, a summary, a description with the value, and a runbook', () => {
    for (const { alert, labels, annotations } of alerts) {
      // The dead man's switch always fires, so that it has no severity.
      const severities = alert === 'MqttClusterWatchdog' ? / none$/ : / (critical|warning|info)$/;
      expect(`${alert} ${labels['severity']}`).toMatch(severities);
      expect(`${alert} ${annotations['promise']}`).toMatch(/ P\d+( P\d+)*$/);
      expect(annotations['summary']).not.toHaveLength(0);
      expect(`${alert} ${annotations['description']}`).toMatch(/\$value/);
      expect(annotations['runbook_url']).toBe(`{{ $externalURL }}/user/runbooks/${alert}.md`);
    }
  });

  it('contain an alert for every promise except P6', () => {
    const named = new Set(alerts.flatMap(({ annotations }) => annotations['promise']?.split(' ') ?? []));
    // P6: the replicated state decides which member publishes a will, and MqttClusterStateDiffers checks
    // that state.
    const promises = ['P1', 'P2', 'P3', 'P4', 'P5', 'P7', 'P8', 'P9', 'P10', 'P11'];
    expect(promises.filter((promise) => !named.has(promise))).toEqual([]);
  });
});
