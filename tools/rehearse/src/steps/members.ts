import { waitFor } from '@mqtt-cluster/kit';
import type { Host } from '../bed/host.ts';
import { addressOf } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { brokerUnit } from '../inspection/broker-unit.ts';
import { assertRevoked, certificatesOf, refusalOf, tlsDirectory } from '../inspection/certificates.ts';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

/** Folder on the removed host with a copy of its keys and certificates, as a thief of its disk has them. */
const stolen = '/root/stolen';
const refusedMsMax = 120_000;
const membersMsMax = 60_000;
/** Exit status of a broker that must not be restarted (EX_CONFIG). */
const finalStatus = '78';
const oneReconnect = { reconnectsMax: 1, perHostMax: 1 } as const;

/** Waits until all hosts report exactly these members. @throws WaitTimeoutError with the reported members */
async function expectMembers({ cluster }: RehearsalContext, hosts: readonly number[]): Promise<void> {
  const expected = hosts.map(addressOf).sort().join(', ');
  for (const host of hosts) {
    await waitFor(
      `${addressOf(host)} to report the members ${expected}`,
      async () => {
        const found = (await cluster.members(host)).join(', ');
        if (found !== expected) throw new RehearsalError(`the members are ${found}`);
        return true;
      },
      { timeoutMs: membersMsMax },
    );
  }
}

export const removeHost: Step = {
  name: 'remove a host under load: its certificates are revoked, and its broker is refused when it returns',
  async run(context: RehearsalContext) {
    const { bed, cluster, playbooks, clients, log } = context;
    const host = bed.host(await clients.busiest());
    const others = cluster.hosts.filter((number) => number !== host.number);
    const witness = bed.host(others[0]!);
    const certificates = await certificatesOf(host);
    await host.ssh(`rm -rf ${stolen} && cp -a ${tlsDirectory} ${stolen}`);
    const refusedBefore = await refusalOf(host, stolen, witness);
    if (refusedBefore !== null)
      throw new RehearsalError(
        `${witness.address} refuses ${host.address} before its removal: ${refusedBefore}`,
      );
    const before = await clients.snapshot();
    await playbooks.run('remove-host', { host: host.address });
    await expectMembers(context, others);
    await cluster.waitUntilHealthy(others);
    log(`${host.address} is no member any more`);
    logAll(log, await clients.check(before, oneReconnect));
    await assertRevoked(
      others.map((number) => bed.host(number)),
      certificates,
    );
    await expectRefused(
      host,
      others.map((number) => bed.host(number)),
    );
    await expectEnd(host);
    log(`${host.address}: its certificates are revoked, and its broker ended with status ${finalStatus}`);
    await expectMembers(context, others);
    logAll(log, await clients.check(before, oneReconnect));
  },
};

/** Checks that all members refuse the certificate of the removed host. @throws RehearsalError */
async function expectRefused(host: Host, members: readonly Host[]): Promise<void> {
  for (const member of members) {
    const reason = await refusalOf(host, stolen, member);
    if (reason?.includes('it is revoked')) continue;
    const found = reason === null ? 'accepts' : `does not report as revoked ("${reason}")`;
    throw new RehearsalError(
      `${member.address} ${found} the certificate of the removed host ${host.address}`,
    );
  }
}

/** Starts the broker of the removed host with its former keys, and checks that the broker ends. @throws RehearsalError */
async function expectEnd(host: Host): Promise<void> {
  const show = `systemctl show --property=ActiveState,ExecMainStatus --value ${brokerUnit}`;
  const enabled = await host.attemptSsh(`systemctl is-enabled ${brokerUnit}`);
  if (enabled.status === 0)
    throw new RehearsalError(`${host.address}: the removed broker starts at the next boot`);
  const keys = await host.attemptSsh(`ls ${tlsDirectory}/*.key`);
  if (keys.status === 0)
    throw new RehearsalError(`${host.address} still has its private keys: ${keys.output.trim()}`);
  await host.ssh(`cp -a ${stolen}/*.key ${tlsDirectory}/ && systemctl start --no-block ${brokerUnit}`);
  await waitFor(
    `the removed broker of ${host.address} to end with status ${finalStatus}`,
    async () => {
      const [...states] = (await host.ssh(show)).trim().split('\n');
      if (states.includes('failed') && states.includes(finalStatus)) return true;
      throw new RehearsalError(`its unit is ${states.join(', ')}`);
    },
    { timeoutMs: refusedMsMax },
  );
}

export const addHost: Step = {
  name: 'add the removed host again under load: it becomes READY with new certificates',
  async run(context: RehearsalContext) {
    const { bed, cluster, playbooks, clients, versions, log } = context;
    const members = await cluster.members(await clients.busiest());
    const number = cluster.hosts.find((one) => !members.includes(addressOf(one)));
    if (number === undefined)
      throw new RehearsalError('all hosts are members already: run the step remove-host first');
    const host = bed.host(number);
    const others = cluster.hosts.filter((one) => one !== number);
    const former = await certificatesOf(host);
    const { commitIndex } = await cluster.position(others[0]!);
    const before = await clients.snapshot();
    await playbooks.run('add-host', { mqtt_cluster_version: versions.first });
    await host.ssh(`systemctl is-active ${brokerUnit}`);
    await expectMembers(context, cluster.hosts);
    await cluster.waitUntilHealthy();
    const { appliedIndex } = await cluster.position(number);
    if (appliedIndex < commitIndex)
      throw new RehearsalError(
        `${host.address} is READY at entry ${appliedIndex}, before entry ${commitIndex}`,
      );
    for (const { path, serial, publicKey } of await certificatesOf(host)) {
      const same = former.find((one) => one.serial === serial || one.publicKey === publicKey);
      if (same !== undefined)
        throw new RehearsalError(`${host.address}: ${path} is still the revoked certificate`);
    }
    const refused = await refusalOf(host, tlsDirectory, bed.host(others[0]!));
    if (refused !== null)
      throw new RehearsalError(`${addressOf(others[0]!)} refuses the new certificate: ${refused}`);
    await host.ssh(`rm -rf ${stolen}`);
    log(`${host.address} is a member again, with new keys, at entry ${appliedIndex}`);
    logAll(log, await clients.check(before, { reconnectsMax: 0, perHostMax: 0 }));
  },
};
