import { membersTopic } from '@mqtt-cluster/contracts';
import type { BrokerCounters } from './context.ts';
import type { BrokerOptions } from './options.ts';

const intervalMs = 10_000;

/** `$SYS`: the member's own retained messages, to its own clients only. */
export class SystemTopics {
  readonly #options: BrokerOptions;
  readonly #startedAtMs = performance.now();
  readonly #published = new Map<string, string>();
  #lastMs: number | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  /** Call often: members go out as soon as they have changed, figures every ten seconds. */
  publish(counters: Readonly<BrokerCounters>, clients: number): void {
    const { members, version } = this.#options;
    if (members) this.#set(membersTopic, members());
    const nowMs = performance.now();
    if (this.#lastMs !== null && nowMs - this.#lastMs < intervalMs) return;
    this.#lastMs = nowMs;
    if (version !== undefined) this.#set('$SYS/broker/version', version);
    this.#set('$SYS/broker/uptime', `${Math.floor((nowMs - this.#startedAtMs) / 1_000)} seconds`);
    this.#set('$SYS/broker/clients/connected', String(clients));
    this.#set('$SYS/broker/messages/received', String(counters.messagesReceived));
    this.#set('$SYS/broker/messages/sent', String(counters.messagesSent));
    this.#set('$SYS/broker/bytes/received', String(counters.bytesReceived));
    this.#set('$SYS/broker/bytes/sent', String(counters.bytesSent));
  }

  #set(topic: string, text: string): void {
    if (this.#published.get(topic) === text) return;
    this.#published.set(topic, text);
    this.#options.port.publishLocal({ topic, payload: Buffer.from(text), qos: 0, retain: true });
  }
}
