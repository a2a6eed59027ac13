import { startCluster } from '@mqtt-cluster/lab';
import type { ApplianceBuild, FaultAction, RunningCluster } from '@mqtt-cluster/lab';
import { UsageError } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { TortureError } from '../errors.ts';
import type { Limits } from '@mqtt-cluster/history-checker';
import { faultKinds } from '../nemesis/fault.ts';
import type { BuildName, FaultKind, MemberGroup, PlannedFault } from '../nemesis/fault.ts';
import { startsWithEarlierBuild } from '../scenarios/rolling-update.ts';
import { AlarmReader } from './alarms.ts';
import { defaultLimits } from '@mqtt-cluster/history-checker';
import { JetstreamEnd } from './jetstream-end.ts';
import { LinkedSite } from './linked-site.ts';
import { ClusterEnd } from './cluster-end.ts';
import { MosquittoEnd } from './remote-end.ts';
import type { RemoteEnd } from './remote-end.ts';
import type { LinkedEnd, Target, ResourceUsage } from './target.ts';
import { usageOf } from './usage.ts';

const lossShare = 0.01;
const serveMsMax = 60_000;
const servePollMs = 100;
/**
 * Default of the setting that bounds an offline session's queue, in messages (`ClusterSettings`). A longer
 * queue drops its oldest message (P1).
 */
const queuedMessagesMax = 1_000;

export interface LabTargetOptions {
  readonly members: number;
  readonly folder: string;
  readonly overrides: readonly (readonly [string, string])[];
  /** Whether members and clients use TLS, users and rules. */
  readonly secure: boolean;
  /**
   * The build of an earlier commit, with which half of the members start; null: all members start with this
   * tree's build.
   */
  readonly earlier: ApplianceBuild | null;
}

const networkKinds: ReadonlySet<FaultKind> = new Set(['cut', 'one-way', 'flap', 'slow', 'throttle']);
const hostKinds: ReadonlySet<FaultKind> = new Set(['full-disk', 'slow-disk', 'clock']);

const ends: Readonly<Record<LinkedEnd, new (folder: string) => RemoteEnd>> = {
  cluster: ClusterEnd,
  jetstream: JetstreamEnd,
  mosquitto: MosquittoEnd,
};

/** A target of this repository's appliances, with the lab's link proxies between them. */
export class LabTarget implements Target {
  readonly name = 'lab';
  readonly qosMax = 2;
  readonly versions = [4, 5] as const;
  readonly sharesSubscriptions = true;
  readonly supportedFaults: ReadonlySet<FaultKind> = new Set(faultKinds);
  readonly limits: Limits;
  readonly #options: LabTargetOptions;
  /** Current faults of links, disks and clocks. The lab's `heal` ends all these faults together. */
  readonly #healable = new Set<PlannedFault>();
  #cluster: RunningCluster | null = null;
  #crashesTaken = 0;
  #alarms: AlarmReader | null = null;
  /** Another broker that a link connects with the cluster; null in scenarios without a link. */
  #site: LinkedSite | null = null;
  #sites = 0;

  constructor(options: LabTargetOptions) {
    this.#options = options;
    const holds = options.overrides.some(([key, value]) => key === 'whenIsolated' && value === 'hold');
    // Members of an earlier build may not publish a will at a takeover.
    const willAtTakeover = options.earlier === null;
    this.limits = { ...defaultLimits, willAtTakeover, degradedAcks: !holds, queuedMessagesMax };
  }

  get servers(): readonly ServerAddress[] {
    return this.#running.cluster.servers;
  }

  get remotes(): readonly ServerAddress[] {
    return this.#site?.servers ?? [];
  }

  get #running(): RunningCluster {
    if (this.#cluster === null) throw new TortureError('the lab has not been started');
    return this.#cluster;
  }

  async start(): Promise<void> {
    const { folder, members, earlier } = this.#options;
    const builds = Array.from({ length: members }, (_, member) =>
      startsWithEarlierBuild(member, members) ? earlier : null,
    );
    this.#cluster = await startCluster({ ...this.#options, builds });
    this.#alarms = new AlarmReader(
      this.servers.map(({ id }) => ({ member: id, file: `${folder}/${id}/log.jsonl` })),
    );
  }

  async findLeader(): Promise<number | null> {
    const reports = await this.#running.cluster.report();
    const leader = reports.find(({ status }) => status?.role === 'leader');
    const position = this.servers.findIndex(({ id }) => id === leader?.id);
    return position < 0 ? null : position;
  }

  async findRunner(): Promise<number | null> {
    const runner = await this.#site?.findRunner();
    const position = this.servers.findIndex(({ id }) => id === runner);
    return position < 0 ? null : position;
  }

  get remotesForget(): boolean {
    return this.#site?.isForgetful ?? false;
  }

  aimAtRemotes(kind: FaultKind): readonly MemberGroup[] {
    return [this.#site?.aim(kind) ?? []];
  }

  async openLink(kind: LinkedEnd): Promise<string | null> {
    const { folder, secure } = this.#options;
    if (secure) return 'the scenarios with a link use no credentials, so they run without --secure';
    const members = this.#running.cluster.layout.members.map(({ id, host, httpPort }) => ({
      id,
      url: `http://${host}:${httpPort}`,
    }));
    try {
      const siteFolder = `${folder}/site-${++this.#sites}`;
      this.#site = new LinkedSite(new ends[kind](siteFolder), members);
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      throw error;
    }
    await this.#site.open();
    return null;
  }

  async closeLink(keep: boolean): Promise<string> {
    const site = this.#site;
    this.#site = null;
    const report = await site?.describe();
    await site?.close(keep, true);
    return report ?? 'there is no link';
  }

  async begin(fault: PlannedFault): Promise<void> {
    const { kind, groups, value } = fault;
    if (fault.remote === true) return this.#site?.begin(fault);
    const runner = fault.runner === true ? this.servers[groups.flat()[0] ?? -1]?.id : undefined;
    if (runner !== undefined) void this.#site?.observeTakeover(kind, runner);
    if (networkKinds.has(kind) || hostKinds.has(kind)) {
      this.#healable.add(fault);
      return this.#inject(fault);
    }
    await this.#execute(kind as FaultAction, groups, value);
  }

  async end(fault: PlannedFault): Promise<void> {
    const { kind, groups, staggerMs = 0, build } = fault;
    const members = groups.flat();
    if (fault.remote === true) return this.#site?.end(fault);
    if (build !== undefined) this.#useBuild(members, build);
    if (kind === 'pause') return this.#execute('resume', groups);
    if (kind === 'kill' || kind === 'stop' || kind === 'wipe') return this.#startAgain(members, staggerMs);
    if (!this.#healable.delete(fault)) return;
    await this.#running.cluster.fault('heal', []);
    // `heal` ends all faults, so the faults that should still last begin again.
    for (const other of this.#healable) await this.#inject(other);
  }

  #useBuild(members: MemberGroup, build: BuildName): void {
    const { earlier } = this.#options;
    if (earlier === null)
      throw new TortureError('an update needs the build of an earlier commit: give --from');
    for (const member of members) {
      this.#running.cluster.useBuild(this.servers[member]?.id ?? '?', build === 'earlier' ? earlier : null);
    }
  }

  async #inject({ kind, groups, value }: PlannedFault): Promise<void> {
    await this.#execute(kind as FaultAction, groups, value);
    if (kind === 'slow') await this.#execute('loss', groups, lossShare);
  }

  async #startAgain(members: MemberGroup, staggerMs: number): Promise<void> {
    // All members start before the first one must serve, because serving may need a majority.
    await Promise.all(
      members.map(async (member, position) => {
        await new Promise((resolve) => setTimeout(resolve, position * staggerMs));
        await this.#execute('start', [[member]]);
      }),
    );
    await this.#allServe(members);
  }

  /**
   * Waits until the members serve. The lab's `start` waits only until a member is ready, and a member can be
   * ready without a majority.
   */
  async #allServe(members: MemberGroup): Promise<void> {
    const ids = new Set(members.map((member) => this.servers[member]?.id));
    const deadline = performance.now() + serveMsMax;
    while (performance.now() < deadline) {
      const reports = await this.#running.cluster.report();
      if (reports.every(({ id, status }) => !ids.has(id) || status?.state === 'serving')) return;
      await new Promise((resolve) => setTimeout(resolve, servePollMs));
    }
    throw new TortureError(`${[...ids].join(', ')} do not serve ${serveMsMax / 1_000} s after their start`);
  }

  async #execute(action: FaultAction, groups: readonly MemberGroup[], value?: number): Promise<void> {
    const names = groups.map((group) => group.map((member) => this.servers[member]?.id ?? '?'));
    await this.#running.cluster.fault(action, names, value);
  }

  async restore(): Promise<void> {
    this.#healable.clear();
    await this.#running.cluster.restore();
    await this.#site?.restore();
  }

  takeCrashes(): string[] {
    const crashes = this.#cluster?.cluster.crashes ?? [];
    const fresh = crashes.slice(this.#crashesTaken);
    this.#crashesTaken = crashes.length;
    return [...fresh, ...(this.#alarms?.take() ?? []), ...(this.#site?.takeCrashes() ?? [])];
  }

  usage(): ResourceUsage[] {
    return this.#running.cluster.pidsById().flatMap(([id, pid]) => {
      const usage = usageOf(id, pid, `${this.#options.folder}/${id}/data`);
      return usage === null ? [] : [usage];
    });
  }

  async stop(keep: boolean): Promise<void> {
    await this.#site?.close(keep, false);
    this.#site = null;
    await this.#cluster?.end(keep);
  }
}
