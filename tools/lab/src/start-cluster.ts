import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApplianceBuild } from './cluster/appliance-build.ts';
import type { Cluster } from './cluster/cluster.ts';
import { openSession } from './commands/session.ts';
import { checkMemberCount, membersMax } from './layout.ts';

export interface StartClusterOptions {
  /** Created when missing. Data and logs of an earlier cluster in it are deleted unless `keep`. */
  readonly folder: string;
  /** 1 to 7; 7 by default. */
  readonly members?: number;
  /** Settings of every member as in `--set`: `['log.level', 'debug']`. */
  readonly overrides?: readonly (readonly [string, string])[];
  readonly keep?: boolean;
  readonly logLevel?: string;
  /** 1 to 9: the first port range to try, in thousands above the default ports. */
  readonly firstPortShift?: number;
  /** Builds of the first members, by position: null, or no entry, for this tree's own build. */
  readonly builds?: readonly (ApplianceBuild | null)[];
}

export interface RunningCluster {
  readonly cluster: Cluster;
  /** Stops the members and keeps data and logs, or kills the members and deletes both. Safe to call twice. */
  readonly end: (keep: boolean) => Promise<void>;
}

/**
 * Starts a cluster on this machine in its own folder, and waits until all members serve. The cluster uses other ports
 * when another lab uses the default ones, and `lab status --dir <folder>` finds it. Its members end with this process.
 * The caller must be one of the bundles in `dist`, beside the bundle of the appliance.
 *
 * @throws UsageError for a wrong option
 * @throws LabError when the cluster does not start; no process is left running then
 */
export async function startCluster(options: StartClusterOptions): Promise<RunningCluster> {
  const { members = membersMax, overrides = [], keep = false, logLevel = 'info' } = options;
  checkMemberCount(members);
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  const { firstPortShift = 0, builds = [] } = options;
  const settings = { publisherRate: 0, logLevel, shiftPorts: true, firstPortShift, builds };
  // Another process ran `lab down`: the owner of this cluster cannot continue.
  const onDown = (): void => process.exit(1);
  const { cluster, end } = await openSession({ members, folder, overrides, keep }, settings, onDown);
  return { cluster, end };
}
