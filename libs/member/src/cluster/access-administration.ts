import { accessSemantics } from '@mqtt-cluster/contracts';
import type { AccessChange, AdminOutcome, Command, Revocation } from '@mqtt-cluster/contracts';
import { obstacleOfChange } from '@mqtt-cluster/mqtt-state';
import type { CommandResult } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../context.ts';
import { accessChangeBytes } from '../log/command-size.ts';
import type { Proposer } from '../log/proposer.ts';

/** Upper bound of the requests in progress. The member refuses further requests. */
const requestsMax = 32;
/** How long a request waits until its next command is applied. */
const appliedMsMax = 5_000;
/** Upper bound of one `access` command, bytes. Rules are never divided, so a command may be larger. */
const partBytesMax = 128 * 1024;
const readAgain = 'read users and rules again, and repeat the request if they lack the change';

interface OpenRequest {
  /** Commands that are not proposed yet. Each one is proposed when the command before it is applied. */
  readonly commands: Command[];
  applied: number;
  /** The version of users and rules before the proposed command, as far as this member knows. */
  version: number;
  untilMs: number;
  /**
   * True when a command was not applied in time and the operator has an answer. The other commands still follow, unless
   * another change comes between them.
   */
  isAnswered: boolean;
  /** True when the result of a command is unknown, because a snapshot contains the command. */
  isUnknown: boolean;
}

/**
 * Handles the requests of operators that change users and rules. The member that received a request proposes
 * the commands itself and answers when it has applied them. So a new user can connect to this member at once.
 *
 * A change of several commands is completed also after its operator has an answer. Its rest never overwrites a later change:
 * the requests of one member follow each other, and the rest ends when another member has changed users or rules.
 */
export class AccessAdministration {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  /** In the order of the requests. Commands of the first one are proposed. */
  readonly #open = new Map<number, OpenRequest>();

  constructor(context: MemberContext, proposer: Proposer) {
    this.#context = context;
    this.#proposer = proposer;
  }

  change(request: number, change: AccessChange): void {
    const reason = this.#obstacle() ?? this.#obstacleOf(change);
    if (reason !== null) return this.#answer(request, reason);
    this.#begin(request, partsOf(change));
  }

  revoke(request: number, revocation: Revocation): void {
    const reason = this.#obstacle();
    if (reason !== null) return this.#answer(request, reason);
    this.#begin(request, [{ kind: 'revoke', ...revocation }]);
  }

  /** Answers requests that have timed out. Called once a turn. */
  tick(): void {
    const [proposed] = this.#open.keys();
    for (const [request, open] of this.#open) {
      if (open.isAnswered || this.#context.nowMs < open.untilMs) continue;
      if (request !== proposed) {
        this.#open.delete(request);
        const reason = 'the change is not applied, because an earlier one has not ended: retry later';
        this.#answer(request, { accepted: false, reason, later: true });
        continue;
      }
      open.isAnswered = true;
      const part =
        open.applied > 0 ? 'only a part of the change is applied yet' : 'the change is not yet applied';
      this.#answer(request, {
        accepted: false,
        reason: `${part}, and this member continues with it until another change comes first: ${readAgain}`,
        later: true,
      });
    }
  }

  #obstacle(): AdminOutcome | null {
    const { state, hasMajority } = this.#context;
    if (state.semantics < accessSemantics) {
      const reason = `users and rules need semantics version ${accessSemantics}: update the program on all members`;
      return { accepted: false, reason };
    }
    const later = !hasMajority
      ? 'this member has no majority: users and rules can change only with a majority'
      : this.#open.size >= requestsMax
        ? 'too many requests are in progress: retry later'
        : null;
    return later === null ? null : { accepted: false, reason: later, later: true };
  }

  #obstacleOf(change: AccessChange): AdminOutcome | null {
    const reason = obstacleOfChange(this.#context.state.access, change);
    return reason === null ? null : { accepted: false, reason };
  }

  #begin(request: number, commands: Command[]): void {
    const untilMs = this.#context.nowMs + appliedMsMax;
    const { version } = this.#context.state.access;
    this.#open.set(request, { commands, applied: 0, version, untilMs, isAnswered: false, isUnknown: false });
    if (this.#open.size === 1) this.#proposeNext();
  }

  #proposeNext(): void {
    for (const [request, open] of this.#open) {
      open.untilMs = this.#context.nowMs + appliedMsMax;
      if (open.applied === 0) open.version = this.#context.state.access.version;
      const done = (result: CommandResult | null): void => this.#applied(request, open, result);
      return this.#proposer.add(open.commands.shift()!, { kind: 'access', done });
    }
  }

  #applied(request: number, open: OpenRequest, result: CommandResult | null): void {
    const isRefused = result?.kind === 'accessRefused';
    if (!isRefused) open.applied++;
    open.isUnknown ||= result === null;
    const isNext = result?.kind === 'accessChanged' && result.version === open.version + 1;
    const isOvertaken = open.isAnswered && !isNext;
    open.version = result?.kind === 'accessChanged' ? result.version : this.#context.state.access.version;
    if (isRefused || isOvertaken || open.commands.length === 0) {
      this.#open.delete(request);
      if (!open.isAnswered) this.#answer(request, outcomeOf(open, result));
    }
    this.#proposeNext();
  }

  #answer(request: number, outcome: AdminOutcome): void {
    this.#context.events.push({ kind: 'adminAnswer', request, outcome });
  }
}

function outcomeOf({ applied, isUnknown }: OpenRequest, result: CommandResult | null): AdminOutcome {
  if (result?.kind === 'accessRefused') {
    const part = applied > 0 ? 'a part of the change is applied, and the rest is refused: ' : '';
    return { accepted: false, reason: `${part}${result.reason}` };
  }
  if (result === null || isUnknown) {
    const reason = `a snapshot contains the change, so its result is unknown: ${readAgain}`;
    return { accepted: false, reason, later: true };
  }
  if (result.kind !== 'revoked') return { accepted: true, reason: '' };
  const { connections } = result;
  return {
    accepted: true,
    reason: `${connections} ${connections === 1 ? 'connection' : 'connections'} closed`,
  };
}

/**
 * Divides a change into commands that fit into a batch. Deletions and rules come first, so that no new user
 * connects before the new rules are in force.
 */
function partsOf({ users = [], removed = [], rules }: AccessChange): Command[] {
  const pieces: AccessChange[] = [
    ...removed.map((name) => ({ removed: [name] })),
    ...(rules === undefined ? [] : [{ rules }]),
    ...users.map((user) => ({ users: [user] })),
  ];
  const parts: Command[] = [];
  let part: AccessChange[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    const added = accessChangeBytes(piece);
    if (part.length > 0 && bytes + added > partBytesMax) {
      parts.push(joined(part));
      part = [];
      bytes = 0;
    }
    part.push(piece);
    bytes += added;
  }
  parts.push(joined(part));
  return parts;
}

function joined(pieces: readonly AccessChange[]): Command {
  const removed = pieces.flatMap((piece) => piece.removed ?? []);
  const users = pieces.flatMap((piece) => piece.users ?? []);
  const rules = pieces.find((piece) => piece.rules !== undefined)?.rules;
  return {
    kind: 'access',
    ...(removed.length > 0 && { removed }),
    ...(rules !== undefined && { rules }),
    ...(users.length > 0 && { users }),
  };
}
