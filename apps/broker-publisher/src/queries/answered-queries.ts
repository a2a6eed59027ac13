import { queryBodyBytesMax } from '@mqtt-cluster/contracts';
import type { MemberId, QueryAnswerMessage, QueryMessage } from '@mqtt-cluster/contracts';

/**
 * Questions of one peer that this member has not answered yet. A peer that sends more gets the code 429. A higher
 * bound costs up to 256 KiB of memory for each question.
 */
export const unansweredMax = 32;

/** Code of the answer to a kind of question that the version of the member does not support, as in HTTP. */
export const unsupportedKind = 404;

/** Answers one kind of question. A {@link QueryFault} becomes its code, any other error the code 500. */
export type QueryHandler = (body: unknown, from: MemberId) => unknown;

/** Why a member does not answer a question. `code` is as in HTTP. */
export class QueryFault extends Error {
  readonly code: number;

  constructor(code: number, reason: string) {
    super(reason);
    this.name = 'QueryFault';
    this.code = code;
  }
}

interface AnsweredQueriesOptions {
  readonly send: (to: MemberId, message: QueryAnswerMessage) => void;
  readonly onFailure: (kind: string, error: unknown) => void;
}

interface CodeAndBody {
  readonly code: number;
  readonly body: unknown;
}

/**
 * Answers the questions of peers. One question of each peer starts in each turn of the event loop, so that many
 * questions do not delay clients.
 */
export class AnsweredQueries {
  readonly #options: AnsweredQueriesOptions;
  readonly #handlers = new Map<string, QueryHandler>();
  readonly #waiting = new Map<MemberId, QueryMessage[]>();
  /** Questions of each peer that wait or are being answered. */
  readonly #unanswered = new Map<MemberId, number>();
  #turn: NodeJS.Immediate | null = null;
  #stopped = false;

  constructor(options: AnsweredQueriesOptions) {
    this.#options = options;
  }

  on(kind: string, handler: QueryHandler): void {
    this.#handlers.set(kind, handler);
  }

  receive(from: MemberId, query: QueryMessage): void {
    if (this.#stopped) return;
    const unanswered = this.#unanswered.get(from) ?? 0;
    if (unanswered >= unansweredMax) {
      return this.#send(from, query.request, fault(429, 'too many questions wait for an answer'));
    }
    this.#unanswered.set(from, unanswered + 1);
    // The body is a view of a frame, which may be much larger.
    const copy = { ...query, body: Uint8Array.from(query.body) };
    const waiting = this.#waiting.get(from);
    if (waiting === undefined) this.#waiting.set(from, [copy]);
    else waiting.push(copy);
    this.#turn ??= setImmediate(() => this.#start());
  }

  /** Answers a question of this member itself or of a peer. Never rejects. */
  async answer(from: MemberId, kind: string, body: unknown): Promise<CodeAndBody> {
    const handler = this.#handlers.get(kind);
    if (handler === undefined)
      return fault(unsupportedKind, `questions of the kind ${kind} are not supported`);
    try {
      return { code: 200, body: (await handler(body, from)) ?? null };
    } catch (error) {
      if (error instanceof QueryFault) return fault(error.code, error.message);
      this.#options.onFailure(kind, error);
      return fault(500, 'an error occurred, see the log of the member');
    }
  }

  stop(): void {
    this.#stopped = true;
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#waiting.clear();
  }

  #start(): void {
    this.#turn = null;
    for (const [from, waiting] of this.#waiting) {
      const query = waiting.shift();
      if (waiting.length === 0) this.#waiting.delete(from);
      if (query !== undefined) void this.#answerPeer(from, query);
    }
    if (this.#waiting.size > 0) this.#turn = setImmediate(() => this.#start());
  }

  async #answerPeer(from: MemberId, { request, kind, body }: QueryMessage): Promise<void> {
    const parsed = parse(body);
    const answer =
      parsed === undefined
        ? fault(400, 'the body of the question is not JSON')
        : await this.answer(from, kind, parsed);
    this.#unanswered.set(from, (this.#unanswered.get(from) ?? 1) - 1);
    if (this.#stopped) return;
    try {
      this.#send(from, request, answer);
    } catch (error) {
      // The answer is no JSON.
      this.#options.onFailure(kind, error);
      this.#send(from, request, fault(500, 'an error occurred, see the log of the member'));
    }
  }

  #send(to: MemberId, request: number, { code, body }: CodeAndBody): void {
    const bytes = Buffer.from(JSON.stringify(body));
    if (bytes.length > queryBodyBytesMax) {
      return this.#send(to, request, fault(413, 'the answer has more than 256 KiB'));
    }
    this.#options.send(to, { type: 'queryAnswer', request, code, body: bytes });
  }
}

function fault(code: number, reason: string): CodeAndBody {
  return { code, body: { reason } };
}

/** Returns undefined for a text that is not JSON. */
function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
