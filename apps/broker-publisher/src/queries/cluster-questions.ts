import { compareTexts } from '@mqtt-cluster/contracts';
import type { ClientId, MemberId } from '@mqtt-cluster/contracts';
import type { z } from 'zod';
import type { ConnectionDetails, EventFilter, RecordedEvent } from './cluster-queries.ts';
import { queryDeadlineMsMax } from './peer-queries.ts';
import type { MissingMembers, PeerQueries } from './peer-queries.ts';
import {
  answerBytesTarget,
  detailsAnswer,
  disconnectAnswer,
  eventsAnswer,
  eventsMax,
  idsPerQuestionMax,
} from './schemas.ts';

/** Collects the members that did not answer. */
class Missing {
  readonly #unreachable = new Set<MemberId>();
  readonly #tooOld = new Set<MemberId>();

  add(member: MemberId, outcome: 'unreachable' | 'tooOld'): void {
    (outcome === 'tooOld' ? this.#tooOld : this.#unreachable).add(member);
  }

  get lists(): MissingMembers {
    return { unreachable: [...this.#unreachable].toSorted(), tooOld: [...this.#tooOld].toSorted() };
  }
}

/** Questions about connections and events to the members that may answer them. */
export class ClusterQuestions {
  readonly #queries: PeerQueries;
  readonly #members: readonly MemberId[];

  /** @param members all configured members, including this one */
  constructor(queries: PeerQueries, members: readonly MemberId[]) {
    this.#queries = queries;
    this.#members = members;
  }

  async connectionDetails(
    clients: Iterable<{ readonly id: ClientId; readonly member: MemberId | null }>,
  ): Promise<{ readonly details: ReadonlyMap<ClientId, ConnectionDetails> } & MissingMembers> {
    const idsByMember = new Map<MemberId, ClientId[]>();
    for (const { id, member } of clients) {
      for (const each of member === null ? this.#members : [member]) {
        const ids = idsByMember.get(each);
        if (ids === undefined) idsByMember.set(each, [id]);
        else ids.push(id);
      }
    }
    const details = new Map<ClientId, ConnectionDetails>();
    const missing = new Missing();
    const deadlineMs = performance.now() + queryDeadlineMsMax;
    await Promise.all(
      [...idsByMember].map(async ([member, ids]) => {
        for (let rest = ids; rest.length > 0;) {
          const part = firstPart(rest);
          const answer = await this.#ask(member, 'connections.get', { ids: part }, detailsAnswer, deadlineMs);
          if (typeof answer === 'string') return missing.add(member, answer);
          for (const each of answer.details) details.set(each.client, { ...each, member });
          rest = rest.slice(Math.min(answer.done, part.length));
        }
      }),
    );
    return { details, ...missing.lists };
  }

  async disconnectClients(
    ids: readonly ClientId[],
  ): Promise<{ readonly ended: ReadonlySet<ClientId> } & MissingMembers> {
    const ended = new Set<ClientId>();
    const missing = new Missing();
    const deadlineMs = performance.now() + queryDeadlineMsMax;
    await Promise.all(
      this.#members.map(async (member) => {
        for (let rest = ids; rest.length > 0;) {
          const part = firstPart(rest);
          const body = { ids: part };
          const answer = await this.#ask(
            member,
            'connections.disconnect',
            body,
            disconnectAnswer,
            deadlineMs,
          );
          if (typeof answer === 'string') return missing.add(member, answer);
          for (const id of answer.ended) ended.add(id);
          rest = rest.slice(part.length);
        }
      }),
    );
    return { ended, ...missing.lists };
  }

  async events(filter: EventFilter): Promise<{ readonly events: readonly RecordedEvent[] } & MissingMembers> {
    const missing = new Missing();
    const events: RecordedEvent[] = [];
    const question = { ...filter, limit: Math.min(filter.limit, eventsMax) };
    const deadlineMs = performance.now() + queryDeadlineMsMax;
    /** Events before this time are incomplete, because an answer was full. */
    let completeFromMs = -Infinity;
    await Promise.all(
      this.#members.map(async (member) => {
        const answer = await this.#ask(member, 'events', question, eventsAnswer, deadlineMs);
        if (typeof answer === 'string') return missing.add(member, answer);
        for (const event of answer.events) events.push({ ...event, member } as RecordedEvent);
        const last = answer.events.at(-1);
        if (answer.more && last !== undefined) completeFromMs = Math.max(completeFromMs, last.atMs);
      }),
    );
    const newestFirst = events
      .filter(({ atMs }) => atMs >= completeFromMs)
      // The order of the answers is accidental, and the next page must find the same order.
      .toSorted((left, right) => right.atMs - left.atMs || compareTexts(left.member, right.member));
    return { events: newestFirst.slice(0, question.limit), ...missing.lists };
  }

  /** Returns the checked answer, or why there is none. */
  async #ask<Schema extends z.ZodType>(
    member: MemberId,
    kind: string,
    body: unknown,
    schema: Schema,
    deadlineMs: number,
  ): Promise<z.output<Schema> | 'unreachable' | 'tooOld'> {
    const waitMs = Math.max(1, deadlineMs - performance.now());
    const answer = await this.#queries.ask(member, kind, body, waitMs);
    if (answer.outcome === 'tooOld') return 'tooOld';
    if (answer.outcome !== 'answered') return 'unreachable';
    const parsed = schema.safeParse(answer.body);
    return parsed.success ? parsed.data : 'unreachable';
  }
}

/** Returns as many identifiers as one question carries, at least one. */
function firstPart(ids: readonly ClientId[]): readonly ClientId[] {
  let bytes = 0;
  let count = 0;
  for (const id of ids) {
    bytes += Buffer.byteLength(JSON.stringify(id)) + 1;
    if (count > 0 && (bytes > answerBytesTarget || count >= idsPerQuestionMax)) break;
    count++;
  }
  return ids.slice(0, count);
}
