import { waitFor } from '@mqtt-cluster/kit';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../bed/host.ts';
import { addressOf, clientHost, monitoringHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import { startsOf } from '../inspection/broker-unit.ts';
import {
  certificateAt,
  certificatesOf,
  pemParts,
  refusalOf,
  tlsDirectory,
} from '../inspection/certificates.ts';
import type { HostCertificate } from '../inspection/certificates.ts';
import { StockClient } from '../load/stock-client.ts';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';

/** Certificate of a host for Prometheus and the node exporter. */
const monitoringCertificate = '/etc/prometheus/mqtt-cluster-access/web.pem';
const servedMsMax = 30_000;
/** Ports of a broker that present the certificate server.pem: MQTT with TLS, and HTTPS. */
const serverPorts = [8883, 9100];
const noReconnect = { reconnectsMax: 0, perHostMax: 0 } as const;
/** Folder on a broker's host with its certificates of the former authority. */
const formerFolder = '/root/former';

function brokersOf({ bed, cluster }: RehearsalContext): Host[] {
  return cluster.hosts.map((number) => bed.host(number));
}

/** Reads all certificates of the hosts, by address and path. */
async function allCertificates(context: RehearsalContext): Promise<Map<string, HostCertificate>> {
  const brokers = brokersOf(context);
  const found = new Map<string, HostCertificate>();
  for (const host of [
    ...brokers,
    ...[clientHost, monitoringHost].map((number) => context.bed.host(number)),
  ]) {
    const ofBroker = brokers.includes(host) ? await certificatesOf(host) : [];
    const all = [...ofBroker, await certificateAt(host, monitoringCertificate)];
    for (const one of all) found.set(`${host.address}:${one.path}`, one);
  }
  return found;
}

/** Checks that each certificate has been replaced by one with another key. @throws RehearsalError */
export function assertRenewed(
  before: ReadonlyMap<string, HostCertificate>,
  after: ReadonlyMap<string, HostCertificate>,
): void {
  for (const [place, former] of before) {
    const now = after.get(place);
    if (now === undefined) throw new RehearsalError(`${place} is missing`);
    if (now.serial === former.serial) throw new RehearsalError(`${place} was not renewed`);
    if (now.publicKey === former.publicKey)
      throw new RehearsalError(`${place} was renewed with its former key`);
  }
}

/** Waits until the ports of all brokers present the certificates that are on their disks. @throws WaitTimeoutError */
async function expectServed(context: RehearsalContext): Promise<void> {
  for (const host of brokersOf(context)) {
    const [, server] = await certificatesOf(host);
    for (const port of serverPorts) {
      const show = `openssl s_client -connect ${host.address}:${port} </dev/null 2>/dev/null | openssl x509 -noout -serial`;
      await waitFor(
        `port ${port} of ${host.address} to present the renewed certificate`,
        async () => ((await host.ssh(show)).trim() === `serial=${server!.serial}` ? true : undefined),
        { timeoutMs: servedMsMax },
      );
    }
  }
}

/**
 * Runs playbooks under load, and checks that they restart no broker and disconnect no client: neither the load nor a client
 * with TLS that trusts the given authorities.
 */
async function withoutReconnect(
  context: RehearsalContext,
  authorities: string,
  act: () => Promise<void>,
): Promise<void> {
  const { bed, clients, cluster, log } = context;
  const address = addressOf(cluster.hosts[0]!);
  const client = new StockClient({ layout: bed.layout, id: 'rehearsal-tls', address, authorities });
  const startsBefore = await startsOf(brokersOf(context));
  const before = await clients.snapshot();
  client.start();
  try {
    await client.waitUntilReceiving();
    await act();
    await client.waitUntilReceiving();
    if (client.connects !== 1)
      throw new RehearsalError(`a client of ${address} with TLS connected ${client.connects} times`);
  } finally {
    client.stop();
  }
  if ((await startsOf(brokersOf(context))) !== startsBefore)
    throw new RehearsalError('a broker was restarted');
  await cluster.waitUntilHealthy();
  logAll(log, await clients.check(before, noReconnect));
}

export const certificates: Step = {
  name: 'renew all certificates under load: new keys, no restart and no reconnect',
  async run(context: RehearsalContext) {
    const { playbooks, versions, log } = context;
    const former = await allCertificates(context);
    await withoutReconnect(context, join(playbooks.authorityDirectory, 'authorities.pem'), async () => {
      await playbooks.run('certificates', {
        mqtt_cluster_version: versions.first,
        cluster_certificates_renew_days: '9999',
      });
      assertRenewed(former, await allCertificates(context));
      await expectServed(context);
    });
    log(`${former.size} certificates have new keys, and the brokers present them`);
  },
};

/** Checks that another authority than before has signed each certificate. @throws RehearsalError */
export function assertReissued(
  before: ReadonlyMap<string, HostCertificate>,
  after: ReadonlyMap<string, HostCertificate>,
): void {
  for (const [place, { issuer }] of before) {
    if (after.get(place)?.issuer === issuer)
      throw new RehearsalError(`${place} is still signed by the former authority, ${issuer}`);
  }
}

/** Checks that all brokers trust this number of authorities. @throws RehearsalError */
async function expectTrust(context: RehearsalContext, count: number): Promise<void> {
  for (const host of brokersOf(context)) {
    const found = pemParts(await host.ssh(`cat ${tlsDirectory}/trust.pem`), 'CERTIFICATE').length;
    if (found !== count)
      throw new RehearsalError(`${host.address} trusts ${found} authorities, not ${count}`);
  }
}

export const authority: Step = {
  name: 'replace the certificate authority in three runs under load: no restart, no reconnect, the former one is refused',
  async run(context: RehearsalContext) {
    const { bed, cluster, playbooks, versions, log } = context;
    const authorities = join(playbooks.authorityDirectory, 'authorities.pem');
    const former = join(bed.layout.directory, 'former-authorities.pem');
    copyFileSync(authorities, former);
    const [first, second] = brokersOf(context);
    await first!.ssh(`rm -rf ${formerFolder} && cp -a ${tlsDirectory} ${formerFolder}`);
    const before = await allCertificates(context);
    const run = (step: string, trusted: string): Promise<void> =>
      withoutReconnect(context, trusted, async () => {
        const startedAt = performance.now();
        await playbooks.run('roll-over-authority', { mqtt_cluster_version: versions.first, step });
        log(`${step}: ${Math.round((performance.now() - startedAt) / 1_000)} s`);
      });
    await run('begin', former);
    await expectTrust(context, 2);
    await run('switch', authorities);
    await expectTrust(context, 2);
    const after = await allCertificates(context);
    assertRenewed(before, after);
    assertReissued(before, after);
    const next = pemParts(readFileSync(authorities, 'utf8'), 'CERTIFICATE');
    if (next.length !== 2) throw new RehearsalError(`${authorities} has ${next.length} authorities, not 2`);
    await expectServed(context);
    const early = await refusalOf(first!, formerFolder, second!);
    if (early !== null)
      throw new RehearsalError(`the former authority is refused before the last run: ${early}`);
    await run('finish', authorities);
    await expectTrust(context, 1);
    const refused = await refusalOf(first!, formerFolder, second!);
    if (refused === null)
      throw new RehearsalError(`${second!.address} still accepts a certificate of the former authority`);
    await first!.ssh(`rm -rf ${formerFolder}`);
    log(`${addressOf(cluster.hosts[1]!)} refuses a certificate of the former authority: ${refused}`);
  },
};
