import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApplianceBuild } from './cluster/appliance-build.ts';
import type { Cluster } from './cluster/cluster.ts';
import { openSession } from './commands/session.ts';
import { UsageError } from './errors.ts';
import { membersMax } from './layout.ts';

export interface StartClusterOptions {
  /** Created when missing; data and logs of an earlier cluster in it are deleted unless `keep`. */
  readonly folder: string;
  /** 1 to 7; 7 by default. */
  readonly members?: number;
  /** Settings of every member as in `--set`: `['log.level', 'debug']`. */
  readonly overrides?: readonly (readonly [string, string])[];
  readonly keep?: boolean;
  readonly logLevel?: string;
  /** 1 to 9: begins to look for free ports this many thousands beyond the usual ones, which are left to others. */
  readonly firstPortShift?: number;
  /** Builds of the first members, by position: null, or no entry, for this tree's own build. */
  readonly builds?: readonly (ApplianceBuild | null)[];
}

export interface RunningCluster {
  /**
   * `layout.members` tells id, host and ports; `fault` carries out a fault, `restore` ends all of them and waits until
   * all serve; `report` tells pids and what each member says of itself, `crashes` who ended without being told to.
   */
  readonly cluster: Cluster;
  /** Lets the members end by themselves and keeps their data and logs, or kills them and deletes both. Safe to call twice. */
  readonly end: (keep: boolean) => Promise<void>;
}

/**
 * Starts a cluster of this machine in a folder of its own, and waits until all members serve. It takes other ports when
 * those of another lab are in use, `lab status --dir <folder>` finds it, and its members end with this process. The
 * caller must be one of the bundles in `dist`, beside that of the appliance.
 *
 * @throws UsageError for a wrong option, LabError when it does not come up (nothing is left running then)
 */
export async function startCluster(options: StartClusterOptions): Promise<RunningCluster> {
  const { members = membersMax, overrides = [], keep = false, logLevel = 'info' } = options;
  if (!Number.isInteger(members) || members < 1 || members > membersMax) {
    throw new UsageError(`the number of members must be 1 to ${membersMax}, not ${members}`);
  }
  const folder = resolve(options.folder);
  mkdirSync(folder, { recursive: true });
  const { firstPortShift = 0, builds = [] } = options;
  const settings = { publisherRate: 0, logLevel, shiftPorts: true, firstPortShift, builds };
  // `lab down` elsewhere: whoever drives this cluster can't go on.
  const onDown = (): void => process.exit(1);
  const { cluster, end } = await openSession({ members, folder, overrides, keep }, settings, onDown);
  return { cluster, end };
}
