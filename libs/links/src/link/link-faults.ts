import { RateLimitedLog } from '@mqtt-cluster/contracts';
import { reasonText } from '../remote/reasons.ts';
import { shownTopic } from '../topics/topic-names.ts';
import type { LinkOptions } from './link-options.ts';

/** Time between two log lines of the same subject, ms. */
const logIntervalMs = 30_000;

/** Why a link does not do all of its work: for its status and for the log. Each text is one sentence. */
export class LinkFaults {
  readonly #name: string;
  readonly #log: RateLimitedLog;
  #error: string | null = null;
  /** Why the cluster refuses subscriptions of the link, by filter. */
  readonly #localRefusals = new Map<string, string>();
  #markRefusal: string | null = null;

  constructor({ name, logger, now }: Pick<LinkOptions, 'name' | 'logger' | 'now'>) {
    this.#name = name;
    this.#log = new RateLimitedLog(logger, now, { intervalMs: logIntervalMs, linesMax: 20 });
  }

  /** The last fault since the link was connected. */
  get error(): string | null {
    return this.#error;
  }

  /** Why the cluster refuses a mark or a subscription of the link at present, or null. */
  get localRefusal(): string | null {
    const [first] = this.#localRefusals.values();
    return this.#markRefusal ?? first ?? null;
  }

  report(text: string): void {
    this.#error = text;
    this.warn(text);
  }

  onConnected(): void {
    this.#error = null;
  }

  /** @param code null: the cluster has granted the subscription */
  onLocalRefusal(filter: string, code: number | null): void {
    if (code === null) return void this.#localRefusals.delete(filter);
    const text = `the cluster refuses the subscription of the link to ${shownTopic(filter)}: ${reasonText(code)}`;
    this.#localRefusals.set(filter, text);
    this.warn(text, { code });
  }

  /** @param code null: the cluster has stored the mark */
  onMarkRefusal(code: number | null): void {
    if (code === null) return void (this.#markRefusal = null);
    this.#markRefusal = `the cluster does not store the state of the link: ${reasonText(code)}`;
    this.warn(this.#markRefusal, { code });
  }

  warn(text: string, details: Readonly<Record<string, number>> = {}): void {
    this.#log.warn(text, { link: this.#name, ...details }, `link ${this.#name}: ${text}`);
  }
}
