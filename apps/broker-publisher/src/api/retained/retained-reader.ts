import type { Page, RetainedItem, RetainedMessage } from '@mqtt-cluster/api';
import type { RetainedInfo, StateView } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import { ApiProblem } from '../http/api-problem.ts';
import { decodeCursor, encodeCursor } from '../http/cursor.ts';
import { Scan } from '../http/scan.ts';
import { propertiesItem } from '../messages/message-properties.ts';

/** Topic levels that one step of a scan examines. */
const stepBudget = 2_000;
const stepItems = 500;
/** Time of a scan. A page whose filter matches few messages may be short, and its cursor continues the scan. */
const scanMsMax = 400;
const previewBytes = 64;

/** Reads retained messages, which every member has. */
export class RetainedReader {
  readonly #view: () => StateView;

  constructor(view: () => StateView) {
    this.#view = view;
  }

  async list(filter: string, limit: number, after: string | undefined): Promise<Page<RetainedItem>> {
    const view = this.#view();
    const scan = new Scan(scanMsMax);
    let cursor: string | null = decodeCursor(z.string(), after);
    const found: RetainedInfo[] = [];
    do {
      const page = view.retainedAfter(filter, cursor, limit - found.length, stepBudget);
      found.push(...page.items);
      cursor = page.next;
      await scan.yield();
    } while (cursor !== null && found.length < limit && !scan.isOver);
    const next = cursor === null ? null : encodeCursor(cursor);
    return { items: found.map(itemOf), next, unreachable: [], tooOld: [] };
  }

  /** @throws ApiProblem 404 */
  read(topic: string): RetainedMessage {
    const info = this.#view().retained(topic);
    if (info === undefined)
      throw new ApiProblem(
        404,
        'this topic has no retained message: GET /retained lists the retained messages',
      );
    const { payload, properties } = info.message;
    return {
      ...itemOf(info),
      payload: Buffer.from(payload).toString('base64'),
      properties: propertiesItem(properties),
    };
  }

  has(topic: string): boolean {
    return this.#view().retained(topic) !== undefined;
  }

  /**
   * Returns the topics of at most `limit` retained messages that match a filter, some at a time, each time with the cursor
   * after them.
   */
  async *topics(
    filter: string,
    limit: number,
    after: string | undefined,
  ): AsyncGenerator<{ readonly topics: readonly string[]; readonly next: string | null }> {
    const view = this.#view();
    const scan = new Scan();
    let cursor: string | null = decodeCursor(z.string(), after);
    let left = limit;
    do {
      const page = view.retainedAfter(filter, cursor, Math.min(stepItems, left), stepBudget);
      left -= page.items.length;
      cursor = page.next;
      const topics = page.items.map(({ message }) => message.topic);
      yield { topics, next: cursor === null ? null : encodeCursor(cursor) };
      await scan.yield();
    } while (cursor !== null && left > 0);
  }
}

function itemOf({ message, expiresInSeconds }: RetainedInfo): RetainedItem {
  const { topic, qos, payload } = message;
  return {
    topic,
    qos,
    payloadBytes: payload.length,
    payloadPreview: Buffer.from(payload.subarray(0, previewBytes)).toString('base64'),
    expiresInSeconds,
  };
}
