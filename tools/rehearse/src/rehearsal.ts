import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Bed } from './bed/bed.ts';
import { brokerHosts, clientHost, layoutOf, monitoringHost } from './bed/layout.ts';
import { Cluster } from './cluster.ts';
import { messageOf, RehearsalError } from './errors.ts';
import { Images } from './images.ts';
import { inventoryFor } from './inventory.ts';
import { AddressWatch } from './load/address-watch.ts';
import { Clients } from './load/clients.ts';
import { Playbooks } from './playbook.ts';
import { converge, deploy } from './steps/deploy.ts';
import { addressMoves, cutOff, powerCut, stoppedLoop } from './steps/faults.ts';
import type { Scene, Step } from './steps/scene.ts';
import { refusals } from './steps/refusals.ts';
import { restart } from './steps/restart.ts';
import { replaceHost, rollback, rollingUpdate } from './steps/updates.ts';

const subscriberCount = 3;
const publisherCount = 2;
const versions = { first: 'rehearsal-1', second: 'rehearsal-2' } as const;

/** In this order; each leaves the cluster well. */
const steps: Readonly<Record<string, Step>> = {
  deploy,
  converge,
  refusals,
  restart,
  'power-cut': powerCut,
  'cut-off': cutOff,
  'rolling-update': rollingUpdate,
  rollback,
  'replace-host': replaceHost,
  'stopped-loop': stoppedLoop,
  'address-moves': addressMoves,
};

export const stepNames: readonly string[] = Object.keys(steps);

export interface RehearsalOptions {
  /** The repository. */
  readonly root: string;
  /** Name of the bed. */
  readonly bed: string;
  /** Where hosts, disks and logs are. */
  readonly directory: string;
  /** Some of {@link stepNames}; what was deployed before is used again when `deploy` is not among them. */
  readonly only: readonly string[];
  readonly keep: boolean;
  /** How many brokers: 3, 5 or 7. */
  readonly brokers: number;
  readonly print: (text: string) => void;
}

/** @returns whether all went well. Never throws for a step that fails: it says so and goes no further. */
export async function rehearse(options: RehearsalOptions): Promise<boolean> {
  const { directory, root, only, keep, print } = options;
  const brokers = brokerHosts.slice(0, options.brokers);
  const ansible = join(root, 'ansible');
  const layout = layoutOf(options.bed, directory, join(root, 'tools/rehearse/hosts'));
  const bed = new Bed(layout);
  const say = (text: string): void => print(`   ${text}`);
  mkdirSync(directory, { recursive: true });
  const logFile = join(directory, 'ansible.log');
  const images = new Images({ layout, root });
  print('-- prepare the hosts and the images');
  await prepare(bed, images, only.includes('deploy'), logFile, say);
  await bed.start([...brokers, clientHost, monitoringHost]);
  const clients = new Clients({
    layout,
    bundles: join(root, 'dist'),
    directory,
    subscribers: subscriberCount,
    publishers: publisherCount,
    hosts: brokers,
  });
  const scene: Scene = {
    bed,
    cluster: new Cluster(layout, brokers),
    playbooks: new Playbooks({
      directory: ansible,
      inventory: inventoryFor(ansible, directory, brokers),
      layout,
      logFile,
      variables: {
        mqtt_cluster_images: images.directory,
        cluster_certificates_authority_directory: join(directory, 'pki'),
      },
    }),
    clients,
    address: new AddressWatch(layout),
    versions,
    tell: say,
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void clients.stop().finally(() => process.exit(130)));
  }
  let failure: string | null = null;
  await runSteps(scene, only, print).catch((error: unknown) => (failure = messageOf(error)));
  await clients.stop();
  if (failure === null) {
    if (!keep) await bed.wipe();
    print('ok');
    return true;
  }
  // What went wrong is in their journals.
  print('the hosts go on, to be looked at: npm run rehearse -- ssh 57 journalctl; -- wipe ends them');
  print(`FAILED: ${failure}`);
  return false;
}

async function prepare(
  bed: Bed,
  images: Images,
  fresh: boolean,
  logFile: string,
  say: (text: string) => void,
): Promise<void> {
  await bed.build(say);
  if (fresh) {
    rmSync(logFile, { force: true });
    await bed.wipe();
    for (const version of Object.values(versions)) {
      say(`images of version ${version}`);
      await images.build(version);
    }
  } else if (!existsSync(join(images.directory, `client-${versions.first}.tar`))) {
    throw new RehearsalError('there are no images yet: run the step "deploy" first');
  }
}

async function runSteps(scene: Scene, only: readonly string[], print: (text: string) => void): Promise<void> {
  let loaded = false;
  for (const name of only) {
    const step = steps[name]!;
    if (!loaded && name !== 'deploy' && name !== 'converge') {
      await scene.clients.start();
      loaded = true;
    }
    print(`-- ${step.name}`);
    const startedAt = performance.now();
    await step.run(scene).catch((error: unknown) => {
      throw new RehearsalError(`${step.name}: ${messageOf(error)}`, { cause: error });
    });
    print(`   done in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  }
  if (loaded) scene.tell(await scene.clients.describe());
}
