import type { ClusterProblem, MemberItem } from '@mqtt-cluster/api';
import type { MemberId, MemberStatus } from '@mqtt-cluster/contracts';
import type { PeerAddress } from '../../config.ts';
import type { Answer } from '../../queries/index.ts';
import { runbook } from './own-problems.ts';
import type { MemberReport } from './member-report.ts';
import { memberQuestion } from './questions.ts';

/** A member that lacks more entries has not caught up. */
const lagEntriesMax = 1_000;

export interface MembersReaderOptions {
  readonly self: MemberId;
  readonly status: () => MemberStatus;
  /** The members of the `peers` setting. */
  readonly peers: readonly PeerAddress[];
  readonly ask: (member: MemberId, kind: string, body: unknown) => Promise<Answer>;
}

/** Where a member serves `/metrics`. `isSecure` is absent if the member is too old to report it. */
export interface HttpPlace {
  readonly port: number;
  readonly isSecure?: boolean;
}

/** All members as this member sees them. */
export interface MembersView {
  readonly members: readonly MemberItem[];
  readonly problems: readonly ClusterProblem[];
  readonly unreachable: readonly MemberId[];
  readonly tooOld: readonly MemberId[];
  /** Where the members that answered serve `/metrics`. */
  readonly httpPlaces: ReadonlyMap<MemberId, HttpPlace>;
}

/** Asks all members for their reports, and combines the answers with what this member has seen itself. */
export class MembersReader {
  readonly #options: MembersReaderOptions;

  constructor(options: MembersReaderOptions) {
    this.#options = options;
  }

  async read(): Promise<MembersView> {
    const { self, status: read, peers, ask } = this.#options;
    const ids = this.#ids();
    const answers = new Map(
      await Promise.all(ids.map(async (id) => [id, await ask(id, memberQuestion, {})] as const)),
    );
    const reports = new Map<MemberId, MemberReport>();
    for (const [id, answer] of answers)
      if (answer.outcome === 'answered') reports.set(id, answer.body as MemberReport);
    const status = read();
    const lags = Object.assign({}, ...[...reports.values()].map(({ lag }) => lag)) as Record<string, number>;
    const leader = [...reports].find(([, { role }]) => role === 'leader')?.[0];
    const members = ids.map((id): MemberItem => {
      const peer = peers.find((each) => each.id === id);
      const address = peer === undefined ? '' : hostAndPort(peer);
      const lag = lags[id] ?? (id === leader ? 0 : null);
      const details = this.#detailsOf(id, answers.get(id)!, status);
      // What the leader knows of a silent member is old: the member may lack more.
      return { id, address, lag: details.reachable ? lag : null, ...details };
    });
    const outcomes = (outcome: Answer['outcome']): MemberId[] =>
      ids.filter((id) => answers.get(id)!.outcome === outcome);
    const unreachable = [...outcomes('unreachable'), ...outcomes('failed')].filter((id) => id !== self);
    const problems = problemsOf(status, members, [...reports.values()]);
    const httpPlaces = new Map(
      [...reports].map(([id, { httpPort: port, httpSecure: isSecure }]): [MemberId, HttpPlace] => [
        id,
        { port, ...(isSecure !== undefined && { isSecure }) },
      ]),
    );
    return { members, problems, unreachable: unreachable.sort(), tooOld: outcomes('tooOld'), httpPlaces };
  }

  #ids(): MemberId[] {
    const configured = this.#options.status().config?.members.map(({ id }) => id) ?? [];
    return [...new Set([...this.#options.peers.map(({ id }) => id), ...configured])].sort();
  }

  #detailsOf(id: MemberId, answer: Answer, status: MemberStatus): Omit<MemberItem, 'id' | 'address' | 'lag'> {
    if (answer.outcome === 'answered') {
      const report = answer.body as MemberReport;
      const { state, reason, leader, term, appliedIndex, clients, sessions } = report;
      // A removed member may not have received its removal.
      const isRemoved = status.config?.members.some((member) => member.id === id) === false;
      const role = isRemoved ? 'none' : report.role;
      const { urls, version, load, memoryBytes, rates, drained } = report;
      const replicated = { state, reason, role, leader, term, appliedIndex, clients, sessions };
      const optional = { ...(drained !== undefined && { drained }), ...(rates && { rates }) };
      return { reachable: true, ...replicated, urls, version, load, memoryBytes, ...optional };
    }
    const peer = status.peers[id];
    const isUp = answer.outcome === 'tooOld' && peer !== undefined;
    return {
      reachable: isUp,
      state: isUp ? peer.state : null,
      reason: isUp ? '' : 'unreachable',
      role: isUp ? roleOf(id, status) : null,
      leader: null,
      term: null,
      appliedIndex: peer?.appliedIndex ?? null,
      clients: isUp ? peer.clients : null,
      sessions: null,
      urls: [...(peer?.urls ?? [])],
      load: isUp ? peer.load : null,
      ...(!isUp && { unreachableReason: reasonOf(id, answer, status) }),
    };
  }
}

function roleOf(id: MemberId, { leader, config }: MemberStatus): MemberItem['role'] {
  if (leader === id) return 'leader';
  const configured = config?.members.find((member) => member.id === id);
  if (configured === undefined) return 'none';
  return configured.role === 'learner' ? 'learner' : 'follower';
}

function reasonOf(id: MemberId, answer: Answer, { links }: MemberStatus): string {
  if (links[id] === 'refused') return `The host of ${id} refuses connections: its process does not run.`;
  return 'reason' in answer ? `${id} does not answer: ${answer.reason}.` : `${id} does not answer.`;
}

function problemsOf(
  { id: self, state, config, leader, term }: MemberStatus,
  members: readonly MemberItem[],
  reports: readonly MemberReport[],
): ClusterProblem[] {
  const problems: ClusterProblem[] = [];
  if (config !== null && leader === null && state !== 'isolated')
    problems.push({
      severity: 'critical',
      text: `${self} has no leader (term ${term}): publishes with QoS 1 and 2 wait.`,
      runbook: runbook('MqttClusterNoLeader'),
    });
  for (const { id, reachable, unreachableReason } of members) {
    if (!reachable)
      problems.push({
        severity: 'critical',
        text: unreachableReason ?? `${id} does not answer.`,
        runbook: runbook('MqttClusterMemberDown'),
      });
  }
  problems.push(...membershipProblems(members, config));
  for (const { id, lag } of members) {
    if (lag !== null && lag > lagEntriesMax)
      problems.push({
        severity: 'warning',
        text: `${id} lacks ${lag} entries of the log.`,
        runbook: runbook('MqttClusterMemberLagging'),
      });
  }
  const seen = new Set<string>();
  for (const problem of reports.flatMap((report) => report.problems)) {
    // All members report the same bounds of the replicated state.
    if (!seen.has(problem.text)) problems.push(problem);
    seen.add(problem.text);
  }
  return problems.sort((left, right) => rank(left) - rank(right));
}

function membershipProblems(
  members: readonly MemberItem[],
  config: MemberStatus['config'],
): ClusterProblem[] {
  const voters = config?.members.filter(({ role }) => role === 'voter') ?? [];
  const lost = voters.filter(({ id }) => members.find((member) => member.id === id)?.reachable !== true);
  const spare = voters.length - lost.length - (Math.floor(voters.length / 2) + 1);
  if (lost.length === 0 || voters.length === 0) return [];
  if (spare < 0)
    return [
      {
        severity: 'critical',
        text: `Only ${voters.length - lost.length} of ${voters.length} voters answer: that is no majority.`,
        runbook: runbook('MqttClusterMajorityLost'),
      },
    ];
  if (spare > 0) return [];
  return [
    {
      severity: 'critical',
      text: `The loss of one more voter ends the majority: ${voters.length - lost.length} of ${voters.length} answer.`,
      runbook: runbook('MqttClusterMajorityAtRisk'),
    },
  ];
}

function rank({ severity }: ClusterProblem): number {
  return severity === 'critical' ? 0 : 1;
}

function hostAndPort({ host, port }: PeerAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
