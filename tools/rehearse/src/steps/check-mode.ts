import { dirname } from 'node:path';
import { addressOf } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { firstChange, stateOf, stateOfFolder } from '../inspection/host-state.ts';
import type { HostState } from '../inspection/host-state.ts';
import { lineWithSecret, secretsOf } from '../inspection/secrets.ts';
import { firstFailure } from '../playbook.ts';
import type { Variables } from '../playbook.ts';
import { takeBackup } from './backup.ts';
import type { RehearsalContext, Step } from './context.ts';

/**
 * Secrets that differ from those of the hosts, so that the playbooks would change every file with a secret. The passphrase of
 * the authority stays, because a wrong one cannot read its key.
 */
const newSecrets = {
  vault_virtual_address_password: 'vrrp8264',
  vault_monitoring_password: 'check-monitoring-password',
  vault_broker_admin_token: 'check-broker-admin-token',
  vault_broker_users: [
    { name: 'admin', password: 'check-admin-password', role: 'admin' },
    { name: 'checked', password: 'check-user-password', groups: ['telemetry'] },
  ],
  broker_publisher_users_update_password: 'always',
  broker_publisher_username: 'checked',
  client_username: 'checked',
} satisfies Variables;

/** A playbook and its variables. */
type Check = readonly [string, Variables];
type Versions = RehearsalContext['versions'];

/** Playbooks that are not run, each with the reason. */
export const unchecked: Readonly<Record<string, string>> = {
  'patch-hosts': 'it reads the package lists of a mirror, and the hosts reach none',
  'schedule-renewal': 'it changes the control node, which is this machine',
  // The playbooks in the list import these, with variables that make them change more.
  site: 'add-host.yml and roll-over-authority.yml import it',
  brokers: 'site.yml imports it',
  monitoring: 'site.yml imports it',
  preflight: 'site.yml imports it',
  'virtual-address': 'site.yml imports it',
};

/** Returns the playbooks that run in check mode. @param backup path of a backup on the control node @param host a broker */
export function checksFor({ first, second }: Versions, backup: string, host: string): Check[] {
  const current = { mqtt_cluster_version: first };
  return [
    [
      'add-host',
      {
        mqtt_cluster_version: second,
        virtual_address_ip: '',
        firewall_admin_networks: [],
        backup_enabled: 'false',
      },
    ],
    ['rolling-update', { mqtt_cluster_version: second }],
    ['rollback', {}],
    ['certificates', { ...current, cluster_certificates_renew_days: '9999' }],
    [
      'roll-over-authority',
      { ...current, ...newSecrets, step: 'begin', cluster_certificates_renew_days: '9999' },
    ],
    ['firewall', { firewall_admin_networks: ['10.0.0.0/24'] }],
    ['backup', { backup_directory: dirname(backup) }],
    ['restore', { ...current, backup, confirm: 'restore' }],
    ['remove-host', { host }],
    ['replace-host', { ...current, host, empty: 'true' }],
    ['reboot-host', { host }],
    ['chaos', { host, fault: 'kill', seconds: '1' }],
    ['uninstall', { confirm: 'uninstall', data: 'delete' }],
    ['status', {}],
  ];
}

/** rollback.yml needs a previous image on each host, which only the step `rolling-update` leaves. */
async function canRollBack({ bed, cluster }: RehearsalContext): Promise<boolean> {
  const found = await Promise.all(
    cluster.hosts.map((number) => bed.host(number).attemptSsh('test -e /etc/mqtt-cluster/previous-image')),
  );
  return found.every(({ status }) => status === 0);
}

/** Checks the output of a playbook in check mode. @throws RehearsalError */
export function assertPlainSuccess(status: number, output: string, secrets: readonly string[]): void {
  if (status !== 0) throw new RehearsalError(firstFailure(output));
  const leak = lineWithSecret(output, secrets);
  if (leak !== null)
    throw new RehearsalError(`the output has a secret of the vault in the line "${leak.trim()}"`);
}

export const checkMode: Step = {
  name: 'run the playbooks with --check --diff: they must change nothing and print no secret',
  async run(context: RehearsalContext) {
    const { bed, cluster, playbooks, versions, log } = context;
    const hosts = [...bed.hosts.values()].filter((host) => host.isRunning);
    const readStates = (): Promise<HostState[]> =>
      Promise.all([...hosts.map(stateOf), stateOfFolder(playbooks.authorityDirectory)]);
    const secrets = [
      ...secretsOf(await playbooks.variablesOf(addressOf(cluster.hosts[0]!))),
      ...secretsOf(newSecrets),
    ];
    const host = addressOf(cluster.hosts.at(-1)!);
    const checks = checksFor(versions, await takeBackup(context), host);
    const rollsBack = await canRollBack(context);
    if (!rollsBack) log('rollback.yml: left out, because the hosts have no previous image');
    let before = await readStates();
    for (const [name, variables] of checks) {
      if (name === 'rollback' && !rollsBack) continue;
      const startedAt = performance.now();
      const { status, output } = await playbooks.attempt(name, variables, ['--check', '--diff']);
      const after = await readStates();
      try {
        assertPlainSuccess(status, output, secrets);
        const change = firstChange(before, after);
        if (change !== null) throw new RehearsalError(`it changed a host: ${change}`);
      } catch (error) {
        throw new RehearsalError(`${name}.yml --check --diff: ${(error as Error).message}`, { cause: error });
      }
      log(
        `${name}.yml: ${Math.round((performance.now() - startedAt) / 1_000)} s, nothing changed, no secret printed`,
      );
      before = after;
    }
  },
};
