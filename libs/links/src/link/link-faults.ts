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
  #localRefusal: string | null = null;

  constructor({ name, logger, now }: Pick<LinkOptions, 'name' | 'logger' | 'now'>) {
    this.#name = name;
    this.#log = new RateLimitedLog(logger, now, { intervalMs: logIntervalMs, linesMax: 20 });
  }

  /** The last fault since the link was connected. */
  get error(): string | null {
    return this.#error;
  }

  /** Why the cluster refuses a subscription of the link. It lasts until the sessions are opened again. */
  get localRefusal(): string | null {
    return this.#localRefusal;
  }

  report(text: string): void {
    this.#error = text;
    this.warn(text);
  }

  onConnected(): void {
    this.#error = null;
  }

  onLocalRefusal(filter: string, code: number): void {
    this.#localRefusal = `the cluster refuses the subscription of the link to ${shownTopic(filter)}: ${reasonText(code)}`;
    this.warn(this.#localRefusal, { code });
  }

  warn(text: string, details: Readonly<Record<string, number>> = {}): void {
    this.#log.warn(text, { link: this.#name, ...details }, `link ${this.#name}: ${text}`);
  }
}
