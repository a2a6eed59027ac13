import { randomInt } from 'node:crypto';
import { queryBodyBytesMax, RateLimitedLog } from '@mqtt-cluster/contracts';
import type {
  LinkState,
  Logger,
  MemberId,
  Outgoing,
  PeerMessage,
  QueryAnswerMessage,
} from '@mqtt-cluster/contracts';
import { AnsweredQueries, unsupportedKind } from './answered-queries.ts';
import type { QueryHandler } from './answered-queries.ts';

/** Version of the questions that this program answers. Hello messages announce it. */
export const apiVersion = 1;

/** Longest and usual time that a question waits for its answer, ms. An operator then gets a page within 2 s. */
export const queryDeadlineMsMax = 1_800;

/** Questions to one peer without an answer. Beyond it, further questions fail at once. */
export const openQuestionsMax = 64;

/** The answer of one member. */
export type Answer =
  | { readonly outcome: 'answered'; readonly body: unknown }
  /** The member answered that it cannot answer. `code` is as in HTTP. */
  | { readonly outcome: 'failed'; readonly code: number; readonly reason: string }
  /** The link to the member is down, or it did not answer within the deadline. */
  | { readonly outcome: 'unreachable'; readonly reason: string }
  /** The member runs a version that does not answer questions, or not questions of this kind. */
  | { readonly outcome: 'tooOld' };

/** The members that did not answer. A member that failed to answer counts as unreachable. */
export interface MissingMembers {
  readonly unreachable: readonly MemberId[];
  readonly tooOld: readonly MemberId[];
}

/** The answers of several members. */
export interface Answers extends MissingMembers {
  readonly answers: ReadonlyMap<MemberId, unknown>;
}

interface OpenQuestion {
  readonly member: MemberId;
  readonly resolve: (answer: Answer) => void;
  readonly timer: NodeJS.Timeout;
}

export interface PeerQueriesOptions {
  readonly self: MemberId;
  /** All configured members, including this one. */
  readonly members: readonly MemberId[];
  readonly send: (outgoing: readonly Outgoing[]) => void;
  readonly logger: Logger;
}

/**
 * Questions of this member to its peers, and its answers to theirs, over the bridge. Bodies are JSON of at most
 * {@link queryBodyBytesMax} bytes. A question needs a link that is up: it is never relayed.
 */
export class PeerQueries {
  readonly #options: PeerQueriesOptions;
  readonly #answered: AnsweredQueries;
  readonly #linksUp = new Set<MemberId>();
  /** Versions that the hello messages of the peers announce; 0 for an older version. */
  readonly #versions = new Map<MemberId, number>();
  readonly #open = new Map<number, OpenQuestion>();
  readonly #openByMember = new Map<MemberId, number>();
  /** Does not begin at 0, because an answer to a question before a restart may arrive late. */
  #lastRequest = randomInt(2 ** 32);

  constructor(options: PeerQueriesOptions) {
    this.#options = options;
    const log = new RateLimitedLog(options.logger, () => performance.now(), {
      intervalMs: 60_000,
      linesMax: 20,
    });
    this.#answered = new AnsweredQueries({
      send: (to, message) => options.send([{ to, channel: 'live', message }]),
      onFailure: (kind, error) =>
        log.warn(
          kind,
          { kind, error: String(error) },
          'question of a member not answered: an error occurred',
        ),
    });
  }

  get self(): MemberId {
    return this.#options.self;
  }

  /** Registers the function that answers questions of this kind, of peers and of this member itself. */
  on(kind: string, handler: QueryHandler): void {
    this.#answered.on(kind, handler);
  }

  /**
   * Asks one member. Never rejects: a missing answer is an outcome.
   *
   * @param deadlineMs time for the answer, at most {@link queryDeadlineMsMax}
   */
  ask(member: MemberId, kind: string, body: unknown, deadlineMs = queryDeadlineMsMax): Promise<Answer> {
    const waitMs = Math.min(deadlineMs, queryDeadlineMsMax);
    if (member === this.self) return this.#askSelf(kind, body, waitMs);
    if (!this.#linksUp.has(member)) return Promise.resolve(unreachable('its link is down'));
    const version = this.#versions.get(member);
    if (version === undefined) return Promise.resolve(unreachable('it has not sent its version yet'));
    if (version < apiVersion) return Promise.resolve({ outcome: 'tooOld' });
    const open = this.#openByMember.get(member) ?? 0;
    if (open >= openQuestionsMax)
      return Promise.resolve(unreachable('too many questions wait for its answer'));
    const bytes = Buffer.from(JSON.stringify(body ?? null));
    if (bytes.length > queryBodyBytesMax) {
      return Promise.resolve({ outcome: 'failed', code: 413, reason: 'the question is too long' });
    }
    const request = ++this.#lastRequest;
    this.#openByMember.set(member, open + 1);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#close(request, unreachable('it did not answer in time')), waitMs);
      this.#open.set(request, { member, resolve, timer });
      this.#options.send([
        { to: member, channel: 'live', message: { type: 'query', request, kind, body: bytes } },
      ]);
    });
  }

  /** Asks these members, by default all of them, at the same time. */
  async askAll(kind: string, body: unknown, members = this.#options.members): Promise<Answers> {
    return this.askEach(new Map(members.map((member) => [member, body])), kind);
  }

  /** Asks each of these members with a body of its own, at the same time. */
  async askEach(bodies: ReadonlyMap<MemberId, unknown>, kind: string): Promise<Answers> {
    const answers = new Map<MemberId, unknown>();
    const missing = { unreachable: [] as MemberId[], tooOld: [] as MemberId[] };
    const asked = [...bodies].map(async ([member, body]) => {
      const answer = await this.ask(member, kind, body);
      if (answer.outcome === 'answered') answers.set(member, answer.body);
      else missing[isTooOld(answer) ? 'tooOld' : 'unreachable'].push(member);
    });
    await Promise.all(asked);
    return { answers, unreachable: missing.unreachable.toSorted(), tooOld: missing.tooOld.toSorted() };
  }

  /** Handles a message of a peer. Returns true if the member must not receive the message. */
  onMessage(from: MemberId, message: PeerMessage): boolean {
    switch (message.type) {
      case 'hello':
        this.#versions.set(from, message.api ?? 0);
        return false;
      case 'relay':
        if (message.to === this.self && message.message.type === 'hello')
          this.#versions.set(message.from, message.message.api ?? 0);
        return false;
      case 'query':
        this.#answered.receive(from, message);
        return true;
      case 'queryAnswer':
        this.#onAnswer(from, message);
        return true;
      default:
        return false;
    }
  }

  onLink(peer: MemberId, state: LinkState): void {
    if (state === 'up') {
      this.#linksUp.add(peer);
      return;
    }
    this.#linksUp.delete(peer);
    for (const [request, { member }] of this.#open) {
      if (member === peer) this.#close(request, unreachable('its link is down'));
    }
  }

  /** Ends all open questions. */
  stop(): void {
    for (const request of [...this.#open.keys()]) this.#close(request, unreachable('this member stops'));
    this.#answered.stop();
  }

  async #askSelf(kind: string, body: unknown, waitMs: number): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Answer>((resolve) => {
      timer = setTimeout(() => resolve(unreachable('it did not answer in time')), waitMs);
    });
    const answer = this.#answered.answer(this.self, kind, body).then(({ code, body: answered }): Answer => {
      if (code === 200) return { outcome: 'answered', body: answered };
      return { outcome: 'failed', code, reason: reasonOf(answered) };
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #onAnswer(from: MemberId, { request, code, body }: QueryAnswerMessage): void {
    // Only the member that was asked may answer.
    if (this.#open.get(request)?.member !== from) return;
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(body).toString('utf8'));
    } catch {
      return this.#close(request, { outcome: 'failed', code: 500, reason: 'its answer is not JSON' });
    }
    if (code === 200) this.#close(request, { outcome: 'answered', body: value });
    else this.#close(request, { outcome: 'failed', code, reason: reasonOf(value) });
  }

  #close(request: number, answer: Answer): void {
    const question = this.#open.get(request);
    if (question === undefined) return;
    this.#open.delete(request);
    clearTimeout(question.timer);
    this.#openByMember.set(question.member, (this.#openByMember.get(question.member) ?? 1) - 1);
    question.resolve(answer);
  }
}

function isTooOld(answer: Answer): boolean {
  return answer.outcome === 'tooOld' || (answer.outcome === 'failed' && answer.code === unsupportedKind);
}

function unreachable(reason: string): Answer {
  return { outcome: 'unreachable', reason };
}

function reasonOf(body: unknown): string {
  const reason: unknown = (body as { readonly reason?: unknown } | null)?.reason;
  return typeof reason === 'string' ? reason.slice(0, 1_000) : 'the member gave no reason';
}
