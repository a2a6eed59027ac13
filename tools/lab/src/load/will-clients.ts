import type { Server } from './connection.ts';
import type { WillHistory } from './history.ts';
import { RoamingClient } from './roaming-client.ts';

/** Sessions of a lost home wait 2 s for their clients by default; back within half of it no will may fire. */
const surelyBackMsMax = 1_000;

export interface WillClientOptions {
  readonly id: string;
  readonly servers: readonly Server[];
  readonly random: () => number;
  /** Its will topics are this and the number of the connection. */
  readonly topicPrefix: string;
  /** False: gone for good once its connection breaks. */
  readonly comesBack: boolean;
  /** Whether that member's process runs. */
  readonly isRunning: (member: string) => boolean;
}

/** A client whose only purpose is to die. Each connection has a will topic of its own. */
export class WillClient {
  readonly wills: WillHistory[] = [];
  readonly #options: WillClientOptions;
  readonly #client: RoamingClient;
  #downAtMs = 0;
  #lastHome: string | null = null;

  constructor(options: WillClientOptions) {
    this.#options = options;
    const { id, servers, random, topicPrefix } = options;
    const willOf = (connection: number) => ({
      topic: `${topicPrefix}${id}/${connection}`,
      payload: `${id} ${connection}`,
      qos: 2 as const,
      retain: false,
    });
    this.#client = new RoamingClient(
      { clientId: id, clean: true, servers, random, willOf },
      {
        onUp: (connection) => this.#up(willOf(connection).topic),
        onPacket: () => undefined,
        onDown: (reason) => this.#down(reason),
      },
    );
  }

  get up(): boolean {
    return this.#client.up;
  }

  start(): void {
    this.#client.start();
  }

  /** Dies without a word, for good. */
  die(): void {
    if (this.#client.up) this.#expect('exactlyOne', `${this.#options.id} died at ${this.#client.home}`);
    this.#client.end(false);
  }

  /** Leaves with a DISCONNECT. */
  leave(): void {
    this.#client.end(true);
  }

  #up(topic: string): void {
    const { id, isRunning } = this.#options;
    const before = this.wills.at(-1);
    if (before?.expected === 'atMostOne' && this.#lastHome !== null && !isRunning(this.#lastHome)) {
      const awayMs = Math.round(performance.now() - this.#downAtMs);
      if (awayMs < surelyBackMsMax) {
        this.#expect('none', `${id} came back ${awayMs} ms after ${this.#lastHome} died`);
      }
    }
    this.#lastHome = this.#client.home;
    this.wills.push({
      topic,
      expected: 'stayed',
      how: `${id} did not lose its connection to ${this.#lastHome}`,
    });
  }

  #down(reason: string): void {
    const { id, comesBack } = this.#options;
    this.#downAtMs = performance.now();
    const how = `${id} lost ${this.#lastHome} (${reason})`;
    this.#expect(comesBack ? 'atMostOne' : 'exactlyOne', how);
    if (!comesBack) this.#client.end(false);
  }

  #expect(expected: WillHistory['expected'], how: string): void {
    const last = this.wills.at(-1);
    if (last === undefined) return;
    last.expected = expected;
    last.how = how;
  }
}
