import { statfs } from 'node:fs/promises';
import type { ClusterProblem, MemberRates } from '@mqtt-cluster/api';
import type { MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import { ownProblems } from './own-problems.ts';
import type { RateMeter } from './rate-meter.ts';
import type { MemoryGuard } from '../../limits/memory-guard.ts';

/** What a member reports about itself to the member that was asked. */
export interface MemberReport {
  readonly state: MemberStatus['state'];
  readonly reason: string;
  readonly role: MemberStatus['role'];
  readonly leader: MemberId | null;
  readonly term: number;
  readonly appliedIndex: number;
  /** Entries that the other members lack; empty except at the leader. */
  readonly lag: Readonly<Record<MemberId, number>>;
  /** Whether the drain of the member is complete; absent in the report of an older member. */
  readonly drained?: boolean;
  readonly clients: number;
  readonly sessions: number;
  readonly urls: readonly string[];
  readonly version: string;
  readonly load: number;
  readonly memoryBytes: number;
  readonly rates?: MemberRates;
  readonly problems: readonly ClusterProblem[];
  /** Port of `/metrics`. */
  readonly httpPort: number;
  /** Whether this port serves HTTPS; absent in the report of an older member. */
  readonly httpSecure?: boolean;
}

export interface MemberReporterOptions {
  readonly status: () => MemberStatus;
  readonly version: string;
  /** URLs that this member announces. */
  readonly urls: readonly string[];
  readonly load: () => number;
  readonly rates: RateMeter;
  readonly httpPort: number;
  readonly httpSecure: boolean;
  /** Directory of the store. */
  readonly directory: string;
  readonly memoryPressure: () => MemoryGuard['effect'];
}

/** Time that a report waits for the file system, ms. */
const diskMsMax = 300;

/** Returns the report of this member about itself. */
export async function memberReport(options: MemberReporterOptions): Promise<MemberReport> {
  const {
    status: read,
    version,
    urls,
    load,
    rates,
    httpPort,
    httpSecure,
    directory,
    memoryPressure,
  } = options;
  const status = read();
  const current = rates.sample();
  const { state, reason, role, leader, term, appliedIndex, lag, connections, sessions, drained } = status;
  return {
    state,
    reason,
    role,
    leader,
    term,
    appliedIndex,
    lag: role === 'leader' ? lag : {},
    drained,
    clients: connections,
    sessions,
    urls,
    version,
    httpPort,
    httpSecure,
    load: load(),
    memoryBytes: process.memoryUsage.rss(),
    ...(current && { rates: current }),
    problems: ownProblems(status, { freeShare: await freeShareOf(directory), pressure: memoryPressure() }),
  };
}

/** Returns the free share of the file system, 0 to 1, or null if it does not answer in time. */
async function freeShareOf(directory: string): Promise<number | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), diskMsMax);
  });
  try {
    const used = statfs(directory).then(({ bavail, blocks }) => (blocks > 0 ? bavail / blocks : null));
    return await Promise.race([used, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
