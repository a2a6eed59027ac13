import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { Endpoint } from '../generator/load.ts';

const topic = 'kept';
const session = 'memory-kept';
const intervalMs = 200;
/** The queue of an absent session drops its oldest messages beyond `queuedMessagesMax` (1,000 by default). */
const messagesMax = 900;
const openMax = 50;
const reconnectMs = 500;
const answerMsMax = 10_000;
const sessionExpirySeconds = 3_600;

/** What the member did with the messages of a well-behaved client. */
export interface KeptMessages {
  readonly acknowledged: number;
  /** PUBACK with a reason code of an error, by code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Acknowledged messages that the absent session did not receive after the restart; null: it was not served. */
  readonly lost: number | null;
}

/** Publishes small QoS 1 messages for a session that is absent, and later counts which of them the session receives. */
export class Keeper {
  readonly #endpoint: Endpoint;
  readonly #acknowledged = new Set<number>();
  readonly #refused: Record<string, number> = {};
  #publisher: MqttClient | null = null;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #open = 0;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
  }

  /** Leaves the session, and publishes from then on. */
  async start(): Promise<void> {
    const client = await this.#open5(session, 0, true);
    await client.subscribeAsync(topic, { qos: 1 });
    await client.endAsync();
    const publisher = await this.#open5('memory-publisher', reconnectMs, true);
    this.#publisher = publisher;
    this.#timer = setInterval(() => this.#publish(publisher), intervalMs);
  }

  #publish(publisher: MqttClient): void {
    if (!publisher.connected || this.#open >= openMax) return;
    if (this.#acknowledged.size + this.#open >= messagesMax) return;
    const number = this.#next++;
    this.#open++;
    publisher.publish(topic, String(number), { qos: 1 }, (error) => {
      this.#open--;
      if (!error) this.#acknowledged.add(number);
      else {
        const { code = error.message } = error as { code?: number | string };
        const name = typeof code === 'number' ? `0x${code.toString(16)}` : code;
        this.#refused[name] = (this.#refused[name] ?? 0) + 1;
      }
    });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#publisher?.end(true);
  }

  /** The messages of a session that the members do not serve. */
  get unseen(): KeptMessages {
    return { acknowledged: this.#acknowledged.size, refused: this.#refused, lost: null };
  }

  /** Opens the session again and counts what it receives. @throws Error when the member rejects the session until the end */
  async collect(forMs: number): Promise<KeptMessages> {
    const untilMs = performance.now() + forMs;
    const received = new Set<number>();
    const missing = (): number[] => [...this.#acknowledged].filter((number) => !received.has(number));
    for (;;) {
      try {
        const onMessage = (payload: Buffer): void => void received.add(Number(payload.toString()));
        const client = await this.#open5(session, reconnectMs, false, onMessage);
        while (missing().length > 0 && performance.now() < untilMs) await delay(100);
        client.end(true);
        break;
      } catch (error) {
        if (performance.now() > untilMs) throw error;
        await delay(reconnectMs);
      }
    }
    return { acknowledged: this.#acknowledged.size, refused: this.#refused, lost: missing().length };
  }

  async #open5(
    clientId: string,
    reconnectPeriod: number,
    clean: boolean,
    onMessage?: (payload: Buffer) => void,
  ): Promise<MqttClient> {
    const client = connect({
      ...{
        ...this.#endpoint,
        clientId,
        clean,
        reconnectPeriod,
        protocolVersion: 5,
        connectTimeout: answerMsMax,
      },
      properties: { sessionExpiryInterval: sessionExpirySeconds },
    });
    // Without a listener, an error after the flood has reset the connection would end the bench.
    client.on('error', () => undefined);
    client.on('message', (_topic, payload) => onMessage?.(payload));
    try {
      await new Promise<void>((resolve, reject) => {
        client.once('connect', () => resolve());
        client.once('error', reject);
        client.once('close', () => reject(new Error(`${clientId}: the member closed the connection`)));
      });
    } catch (error) {
      client.end(true);
      throw error;
    }
    return client;
  }
}
