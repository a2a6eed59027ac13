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

interface OpenRequest {
  /** Commands that are not proposed yet. Each one is proposed when the command before it is applied. */
  readonly commands: Command[];
  applied: number;
  untilMs: number;
}

/**
 * Handles the requests of operators that change users and rules. The member that received a request proposes
 * the commands itself and answers when it has applied them. So a new user can connect to this member at once.
 */
export class AccessAdministration {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
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
    for (const [request, { untilMs, applied }] of this.#open) {
      if (this.#context.nowMs < untilMs) continue;
      this.#open.delete(request);
      const part =
        applied > 0 ? 'a part of the change is applied, the rest is proposed' : 'the change is proposed';
      this.#answer(request, {
        accepted: false,
        reason: `${part} but not yet applied: read users and rules again, then repeat the request`,
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
    this.#open.set(request, { commands, applied: 0, untilMs: 0 });
    this.#proposeNext(request);
  }

  #proposeNext(request: number): void {
    const open = this.#open.get(request);
    const command = open?.commands.shift();
    if (open === undefined || command === undefined) return;
    open.untilMs = this.#context.nowMs + appliedMsMax;
    this.#proposer.add(command, { kind: 'access', done: (result) => this.#applied(request, result) });
  }

  #applied(request: number, result: CommandResult): void {
    const open = this.#open.get(request);
    if (open === undefined) return;
    open.applied++;
    if (result.kind !== 'accessRefused' && open.commands.length > 0) return this.#proposeNext(request);
    this.#open.delete(request);
    this.#answer(request, outcomeOf(result));
  }

  #answer(request: number, outcome: AdminOutcome): void {
    this.#context.events.push({ kind: 'adminAnswer', request, outcome });
  }
}

function outcomeOf(result: CommandResult): AdminOutcome {
  if (result.kind === 'accessRefused') return { accepted: false, reason: result.reason };
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
