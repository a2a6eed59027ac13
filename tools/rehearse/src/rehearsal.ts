import { describeError } from '@mqtt-cluster/kit';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TestBed } from './bed/bed.ts';
import { brokerHosts, clientHost, layoutOf, monitoringHost } from './bed/layout.ts';
import { Cluster } from './cluster.ts';
import { RehearsalError } from './errors.ts';
import { Images } from './images.ts';
import { inventoryFor } from './inventory.ts';
import { Clients } from './load/clients.ts';
import { Playbooks } from './playbook.ts';
import { checkIdempotence, deploy } from './steps/deploy.ts';
import { addressMoves, cutOff, powerCut, stoppedLoop } from './steps/faults.ts';
import type { RehearsalContext, Step } from './steps/context.ts';
import { firewall } from './steps/firewall.ts';
import { refusals } from './steps/refusals.ts';
import { backup, backupsOf } from './steps/backup.ts';
import { removal } from './steps/removal.ts';
import { restart } from './steps/restart.ts';
import { authority, certificates } from './steps/certificates.ts';
import { checkMode } from './steps/check-mode.ts';
import { addHost, removeHost } from './steps/members.ts';
import { secondSite } from './steps/second-site.ts';
import { restore } from './steps/restore.ts';
import { uninstall } from './steps/uninstall.ts';
import { replaceHost, rollback, rollingUpdate } from './steps/updates.ts';

const subscriberCount = 3;
const publisherCount = 2;
const versions = { first: 'rehearsal-1', second: 'rehearsal-2' } as const;

/** The steps of a rehearsal, in the order of execution. After each step but the last the cluster is healthy. */
const steps: Readonly<Record<string, Step>> = {
  deploy,
  converge: checkIdempotence,
  refusals,
  firewall,
  removal,
  backup,
  restart,
  'power-cut': powerCut,
  'cut-off': cutOff,
  'rolling-update': rollingUpdate,
  rollback,
  check: checkMode,
  'replace-host': replaceHost,
  'stopped-loop': stoppedLoop,
  'address-moves': addressMoves,
  certificates,
  authority,
  'remove-host': removeHost,
  'add-host': addHost,
  'second-site': secondSite,
  restore,
  uninstall,
};

export const stepNames: readonly string[] = Object.keys(steps);

export interface RehearsalOptions {
  /** Path of the repository. */
  readonly root: string;
  /** Name of the test bed. */
  readonly bed: string;
  /** Folder of hosts, disks and logs. */
  readonly directory: string;
  /**
   * Names of the steps to run, from {@link stepNames}. Without `deploy` the rehearsal uses the existing
   * deployment.
   */
  readonly only: readonly string[];
  /** Whether the hosts keep running after a rehearsal without failure. */
  readonly keep: boolean;
  /** Number of brokers: 3, 5 or 7. */
  readonly brokers: number;
  readonly print: (text: string) => void;
}

/**
 * Runs the steps, and stops at the first step that fails. Prints the failure and does not throw it.
 * @returns whether all steps passed
 */
export async function rehearse(options: RehearsalOptions): Promise<boolean> {
  const { directory, root, only, keep, print } = options;
  const brokers = brokerHosts.slice(0, options.brokers);
  const ansible = join(root, 'ansible');
  const layout = layoutOf(options.bed, directory, join(root, 'tools/rehearse/hosts'));
  const bed = new TestBed(layout);
  const logIndented = (text: string): void => print(`   ${text}`);
  mkdirSync(directory, { recursive: true });
  const logFile = join(directory, 'ansible.log');
  const images = new Images({ layout, root });
  print('-- prepare the hosts and the images');
  const authorityDirectory = join(directory, 'pki');
  const former = [logFile, authorityDirectory, backupsOf(layout)];
  await prepare(bed, images, only.includes('deploy') ? former : null, logIndented);
  await bed.start([...brokers, clientHost, monitoringHost]);
  const clients = new Clients({
    layout,
    bundles: join(root, 'dist'),
    directory,
    subscribers: subscriberCount,
    publishers: publisherCount,
    hosts: brokers,
  });
  const context: RehearsalContext = {
    root,
    bed,
    cluster: new Cluster(layout, brokers),
    playbooks: new Playbooks({
      directory: ansible,
      inventory: inventoryFor(ansible, directory, brokers),
      layout,
      logFile,
      authorityDirectory,
      variables: { mqtt_cluster_images: images.directory },
    }),
    clients,
    versions,
    log: logIndented,
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void clients.stop().finally(() => process.exit(130)));
  }
  let failure: string | null = null;
  await runSteps(context, only, print).catch((error: unknown) => (failure = describeError(error)));
  await clients.stop();
  if (failure === null) {
    if (!keep) await bed.wipe();
    print('ok');
    return true;
  }
  // The hosts keep running, because their journals show the cause of the failure.
  print(
    'the hosts keep running for an inspection: npm run rehearse -- ssh 57 journalctl; npm run rehearse -- wipe deletes them',
  );
  print(`FAILED: ${failure}`);
  return false;
}

/**
 * Builds what the hosts need.
 * @param former files and folders of a former rehearsal, which a new deployment may not use; null without a new deployment
 */
async function prepare(
  bed: TestBed,
  images: Images,
  former: readonly string[] | null,
  log: (text: string) => void,
): Promise<void> {
  await bed.build(log);
  if (former !== null) {
    for (const path of former) rmSync(path, { recursive: true, force: true });
    await bed.wipe();
    for (const version of Object.values(versions)) {
      log(`building the images of version ${version}`);
      await images.build(version);
    }
  } else if (!existsSync(join(images.directory, `client-${versions.first}.tar`))) {
    throw new RehearsalError('no images have been built: run the step "deploy" first');
  }
}

async function runSteps(
  context: RehearsalContext,
  only: readonly string[],
  print: (text: string) => void,
): Promise<void> {
  const { clients, log } = context;
  const endLoad = async (): Promise<void> => {
    if (!clients.isRunning) return;
    log(await clients.describe());
    await clients.stop();
  };
  for (const name of only) {
    const step = steps[name]!;
    if (step.withoutLoad) await endLoad();
    else if (!clients.isRunning) await clients.start();
    print(`-- ${step.name}`);
    const startedAt = performance.now();
    await step.run(context).catch((error: unknown) => {
      throw new RehearsalError(`${step.name}: ${describeError(error)}`, { cause: error });
    });
    print(`   done in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  }
  await endLoad();
}
