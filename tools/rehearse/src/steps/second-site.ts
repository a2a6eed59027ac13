import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { waitFor } from '@mqtt-cluster/kit';
import type { Host } from '../bed/host.ts';
import { addressOf, secondSiteHost } from '../bed/layout.ts';
import { Cluster } from '../cluster.ts';
import { RehearsalError } from '../errors.ts';
import { admin, startsOf } from '../inspection/broker-unit.ts';
import { linksAt } from '../inspection/links.ts';
import { serversOf } from '../load/clients.ts';
import { Mosquitto } from '../load/mosquitto.ts';
import type { SecureAccess } from '../load/mosquitto.ts';
import { Publishers } from '../load/publishers.ts';
import type { PublisherStatus } from '../load/publishing.ts';
import { arrivalFaults, RemoteSubscriber } from '../load/remote-subscriber.ts';
import type { Playbooks } from '../playbook.ts';
import {
  linkName,
  siteBroker,
  sitePassword,
  siteReader,
  writeLinkedCluster,
  writeSecondSite,
} from '../second-site/inventories.ts';
import type { SiteInventory } from '../second-site/inventories.ts';
import { logAll } from './context.ts';
import type { RehearsalContext, Step } from './context.ts';
import { assertUnchanged } from './deploy.ts';

/** Duration of a fault, ms. It is longer than the time in which a link moves to another member. */
const faultMs = 15_000;
const linkMsMax = 120_000;
const arrivalMsMax = 120_000;
const linksDirectory = '/etc/mqtt-cluster/links';
/** Retained messages of the first site: before the faults, and the changes while the second site is off. */
const retainedBefore = { 'site-a/state/boiler': '20', 'site-a/state/pump': 'on', 'site-a/state/old': '1' };
const retainedChanges = { 'site-a/state/boiler': '21', 'site-a/state/old': '', 'site-a/state/new': '5' };
const retainedAfter = ['site-a/state/boiler 21', 'site-a/state/new 5', 'site-a/state/pump on'];

/** What the parts of the step use. */
interface Sites extends RehearsalContext {
  readonly broker: Host;
  readonly inventory: SiteInventory;
  readonly secondCluster: Cluster;
  readonly secondPlaybooks: Playbooks;
  readonly linkedPlaybooks: Playbooks;
  readonly first: Mosquitto;
  readonly second: Mosquitto;
  readonly access: SecureAccess;
}

export const secondSite: Step = {
  name: 'link a second site of one broker: each acknowledged message arrives there through faults of both sites',
  async run(context: RehearsalContext) {
    const sites = sitesOf(context);
    const { clients, log } = context;
    const before = await clients.snapshot();
    await deploySecondSite(sites);
    await linkSites(sites);
    await passMessages(sites);
    await expectNoChanges(sites);
    logAll(log, await clients.check(before, { reconnectsMax: 2, perHostMax: 1 }));
    await removeSecondSite(sites);
  },
};

function sitesOf(context: RehearsalContext): Sites {
  const { bed, cluster, playbooks, root } = context;
  const { layout } = bed;
  const inventory = writeSecondSite(layout.directory);
  const linked = writeLinkedCluster(join(root, 'ansible'), layout.directory, cluster.hosts);
  const access = {
    username: siteReader,
    password: sitePassword,
    authorities: join(inventory.authorityDirectory, 'authority.pem'),
  };
  return {
    ...context,
    broker: bed.host(secondSiteHost),
    inventory,
    secondCluster: new Cluster(layout, [secondSiteHost]),
    secondPlaybooks: playbooks.with(inventory.hosts, inventory.authorityDirectory),
    linkedPlaybooks: playbooks.with(linked),
    first: new Mosquitto(layout, addressOf(cluster.hosts[0]!)),
    second: new Mosquitto(layout, siteBroker.address, access),
    access,
  };
}

async function deploySecondSite({ broker, secondPlaybooks, secondCluster, versions }: Sites): Promise<void> {
  // An earlier step that failed may have left the host.
  await broker.powerOff();
  await broker.wipe();
  await broker.start();
  await broker.reachable();
  await secondPlaybooks.run('site', { mqtt_cluster_version: versions.first });
  await secondCluster.waitUntilHealthy();
}

async function linkSites({ bed, cluster, linkedPlaybooks, versions, log }: Sites): Promise<void> {
  const brokers = cluster.hosts.map((number) => bed.host(number));
  const starts = await startsOf(brokers);
  await linkedPlaybooks.run('site', { mqtt_cluster_version: versions.first });
  if ((await startsOf(brokers)) !== starts)
    throw new RehearsalError('site.yml restarted a broker to add a link');
  const host = bed.host(cluster.hosts[0]!);
  const member = await connectedRunner(host, null);
  log(`${member} runs the link ${linkName}`);
  log((await admin(host, `links test ${linkName}`)).trim());
}

/**
 * Waits until a member, but not `former`, runs the link with a connection to the other site.
 *
 * @param host a member that answers
 * @returns the id of the runner
 */
function connectedRunner(host: Host, former: string | null): Promise<string> {
  return waitFor(
    `the link ${linkName} to be connected`,
    async () => {
      const link = (await linksAt(host)).find(({ name }) => name === linkName);
      if (link?.state === 'connected' && link.member !== null && link.member !== former) return link.member;
      throw new RehearsalError(
        `it is ${link?.state ?? 'missing'} at ${link?.member ?? 'no member'}: ${link?.error ?? ''}`,
      );
    },
    { timeoutMs: linkMsMax },
  );
}

/** Publishes at the first site, with faults of both sites, and checks what the second site has received. */
async function passMessages(sites: Sites): Promise<void> {
  const { bed, cluster, root, access, first, log } = sites;
  const bundles = join(root, 'dist');
  const publishers = new Publishers({
    layout: bed.layout,
    script: join(bundles, 'rehearse.mjs'),
    directory: bed.layout.directory,
    name: 'site',
    count: 1,
    servers: serversOf(cluster.hosts),
  });
  const subscriber = new RemoteSubscriber({
    layout: bed.layout,
    bundles,
    server: `${siteBroker.id}=mqtts://${siteBroker.address}:8883`,
    access,
    group: publishers.idOf(1, 0),
  });
  try {
    await waitUntilSubscribed(subscriber, sites.second, publishers.idOf(1, 0));
    publishers.start(1);
    await waitUntilReceived(subscriber);
    for (const [topic, payload] of Object.entries(retainedBefore))
      await first.publish(topic, payload, { retain: true });
    await powerOffRunner(sites);
    await waitUntilReceived(subscriber);
    await powerOffSecondSite(sites);
    await waitUntilReceived(subscriber);
    const [sent] = await publishers.stop();
    if (sent == null) throw new RehearsalError('the publisher has reported no status');
    await expectArrival(subscriber, sent, log);
    await expectEqualRetained(sites);
    await expectReturn(sites);
  } finally {
    await publishers.stop();
    await subscriber.stop();
  }
}

/** Waits until a message that is no telemetry arrives, which proves the subscription. */
async function waitUntilSubscribed(
  subscriber: RemoteSubscriber,
  second: Mosquitto,
  group: string,
): Promise<void> {
  await waitFor(
    'the subscription at the second site',
    async () => {
      await second.publish(`telemetry/${group}/probe/qos1`, 'probe');
      return (await subscriber.status()).foreign > 0 ? true : undefined;
    },
    { timeoutMs: arrivalMsMax },
  );
}

/** Waits until another message has arrived at the second site. */
async function waitUntilReceived(subscriber: RemoteSubscriber): Promise<void> {
  const count = async (): Promise<number> =>
    (await subscriber.status()).byQos.reduce((sum, { received }) => sum + received, 0);
  const before = await count();
  await waitFor('a message at the second site', async () => ((await count()) > before ? true : undefined), {
    timeoutMs: arrivalMsMax,
  });
}

/** Powers the member off that runs the link. Another one has to run the link while the host is off. */
async function powerOffRunner({ bed, cluster, log }: Sites): Promise<void> {
  const runner = await connectedRunner(bed.host(cluster.hosts[0]!), null);
  const number = cluster.hosts.find((one) => addressOf(one) === runner);
  const other = cluster.hosts.find((one) => one !== number);
  if (number === undefined || other === undefined)
    throw new RehearsalError(`${runner} runs the link, and is none of the hosts`);
  await bed.host(number).powerOff();
  const startedAt = performance.now();
  const next = await connectedRunner(bed.host(other), runner);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  log(`${runner}: power off; after ${seconds} s ${next} runs the link`);
  await sleep(faultMs);
  await bed.host(number).start();
  await bed.host(number).reachable();
  await cluster.waitUntilHealthy();
}

/** Powers the second site off, and changes retained messages of the first one meanwhile. */
async function powerOffSecondSite({ broker, bed, cluster, secondCluster, first, log }: Sites): Promise<void> {
  await broker.powerOff();
  log(`${broker.address}: power off`);
  for (const [topic, payload] of Object.entries(retainedChanges))
    await first.publish(topic, payload, { retain: true });
  await sleep(faultMs);
  await broker.start();
  await broker.reachable();
  await secondCluster.waitUntilHealthy();
  const runner = await connectedRunner(bed.host(cluster.hosts[0]!), null);
  log(`${broker.address}: power on; ${runner} runs the link`);
}

async function expectArrival(
  subscriber: RemoteSubscriber,
  sent: PublisherStatus,
  log: Sites['log'],
): Promise<void> {
  await waitFor(
    'all acknowledged messages at the second site',
    async () => {
      const faults = arrivalFaults(sent, await subscriber.status());
      if (faults.length === 0) return true;
      throw new RehearsalError(faults.join('; '));
    },
    { timeoutMs: arrivalMsMax },
  );
  const { byQos } = await subscriber.status();
  const [qos1, qos2] = sent.numbers;
  log(
    `${qos1} messages of QoS 1 and ${qos2} of QoS 2 acknowledged, all received at the second site; ` +
      `${byQos[1]?.duplicates} of QoS 1 and ${byQos[2]?.duplicates} of QoS 2 twice`,
  );
}

async function expectEqualRetained({ first, second, log }: Sites): Promise<void> {
  const wanted = retainedAfter.join(', ');
  for (const [site, mosquitto] of Object.entries({ first, second })) {
    await waitFor(
      `the retained messages of the ${site} site`,
      async () => {
        const found = (await mosquitto.retained('site-a/#')).sort().join(', ');
        if (found === wanted) return true;
        throw new RehearsalError(`they are "${found}", and "${wanted}" was expected`);
      },
      { timeoutMs: arrivalMsMax },
    );
  }
  log(`both sites retain ${wanted}`);
}

/** Checks the other direction of the link. */
async function expectReturn({ first, second }: Sites): Promise<void> {
  const session = 'second-site-return';
  await first.createSession(session, 'site-b/#');
  await second.publish('site-b/order', '4711');
  await waitFor(
    'a message of the second site at the first one',
    async () => ((await first.queued(session, 'site-b/#')).includes('4711') ? true : undefined),
    { timeoutMs: arrivalMsMax },
  );
  await first.deleteSession(session);
}

async function expectNoChanges({ linkedPlaybooks, secondPlaybooks, versions, log }: Sites): Promise<void> {
  for (const playbooks of [linkedPlaybooks, secondPlaybooks])
    assertUnchanged(await playbooks.run('site', { mqtt_cluster_version: versions.first }));
  log('a second run of site.yml changes nothing at both sites');
}

/** Removes the link, as docs/LINKS.md describes, and the host of the second site. */
async function removeSecondSite({
  bed,
  cluster,
  playbooks,
  broker,
  first,
  versions,
  log,
}: Sites): Promise<void> {
  const host = bed.host(cluster.hosts[0]!);
  const done = (await admin(host, `links remove ${linkName}`)).trim();
  if (done !== `the link ${linkName} is removed`) throw new RehearsalError(done);
  log(done);
  await playbooks.run('site', { mqtt_cluster_version: versions.first });
  const left = (await host.ssh(`ls -A ${linksDirectory}`)).trim();
  if (left !== '') throw new RehearsalError(`${host.address} still has ${linksDirectory}/${left}`);
  for (const line of retainedAfter) await first.publish(line.split(' ')[0]!, '', { retain: true });
  await broker.powerOff();
  await broker.wipe();
}
