import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApplianceBuild } from './cluster/appliance-build.ts';
import type { Cluster } from './cluster/cluster.ts';
import { startLab } from './commands/running-lab.ts';
import { checkMemberCount, firstSite, membersMax } from './layout.ts';

export interface StartClusterOptions {
  /** Folder of the cluster; created when missing. Data and logs of an earlier cluster are deleted unless `keep` is true. */
  readonly folder: string;
  /** Number of members, 1 to 7; 7 by default. */
  readonly members?: number;
  /** Settings of every member as in `--set`: `['log.level', 'debug']`. */
  readonly overrides?: readonly (readonly [string, string])[];
  readonly keep?: boolean;
  /** True: members and clients use TLS, users and rules, as with `lab --secure`. */
  readonly secure?: boolean;
  readonly logLevel?: string;
  /** The first port range to try, as thousands above the default ports: 0 to 9; 0 by default. */
  readonly firstPortShift?: number;
  /** Builds of the members, by position. A member without a build, or with null, runs this repository's build. */
  readonly builds?: readonly (ApplianceBuild | null)[];
  /** Longest time until all members serve, ms; 60 s by default. */
  readonly startMsMax?: number;
}

export interface RunningCluster {
  readonly cluster: Cluster;
  /**
   * Stops the members and keeps data and logs if `keep` is true; otherwise kills the members and deletes both. Safe to call
   * twice.
   */
  readonly end: (keep: boolean) => Promise<void>;
}

/**
 * Starts a cluster on this machine in its own folder, and waits until all members serve. The cluster uses other ports
 * when another lab uses the default ports. `lab status --dir <folder>` finds the cluster. Its members end with this process.
 * The caller must be one of the bundles in `dist`, beside the bundle of the appliance.
 *
 * @throws UsageError for a wrong option
 * @throws LabError when the cluster does not start; no process of the cluster is left running
 */
export async function startCluster(options: StartClusterOptions): Promise<RunningCluster> {
  const { members = membersMax, overrides = [], keep = false, secure = false, logLevel = 'info' } = options;
  checkMemberCount(members);
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  const { firstPortShift = 0, builds = [], startMsMax } = options;
  const settings = {
    ...{ publisherRate: 0, logLevel, shiftPorts: true, firstPortShift, builds },
    ...(startMsMax !== undefined && { startMsMax }),
  };
  // When another process runs `lab down`, the owner of this cluster cannot continue.
  const onDown = (): void => process.exit(1);
  const { cluster, end } = await startLab(
    { members, folder, site: firstSite, overrides, keep, secure },
    settings,
    onDown,
  );
  return { cluster, end };
}
