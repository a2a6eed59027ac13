import type { IPublishPacket, Packet } from 'mqtt-packet';
import type { Server } from './connection.ts';
import type { QoS, SubscriberHistory, SubscriberSession } from './history.ts';
import { RoamingClient } from './roaming-client.ts';

const subscribePacketId = 1;

export interface SubscriberOptions {
  readonly id: string;
  readonly persistent: boolean;
  readonly qos: QoS;
  readonly filters: readonly string[];
  /** Topics below it are wills; all others carry numbered messages. */
  readonly willPrefix: string;
  readonly servers: readonly Server[];
  readonly random: () => number;
  readonly onSessionLost: (sentence: string) => void;
  readonly onDelivery: (stream: string, number: number, latencyMs: number) => void;
  /** False: deliveries are not written down, for a load without end. */
  readonly keep?: boolean;
}

/** Receives, answers as MQTT says, and writes down everything it hands over. */
export class Subscriber {
  readonly history: SubscriberHistory;
  readonly #options: SubscriberOptions;
  readonly #client: RoamingClient;
  /** QoS 2 packet ids received and not yet released; part of the session, so it outlives the connection. */
  readonly #received = new Set<number>();
  #session: SubscriberSession | null = null;
  #subscribed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { id, persistent, qos, servers, random } = options;
    this.#client = new RoamingClient(
      { clientId: id, clean: !persistent, servers, random },
      {
        onUp: (connection, sessionPresent) => this.#up(connection, sessionPresent),
        onPacket: (packet) => this.#take(packet),
        onDown: () => this.#down(),
      },
    );
    this.history = { id, persistent, qos, sessions: [], stays: this.#client.stays };
  }

  /** Connected, and its subscriptions acknowledged. */
  get ready(): boolean {
    return this.#client.up && this.#subscribed;
  }

  start(): void {
    this.#client.start();
  }

  end(): void {
    this.#client.end(true);
  }

  #up(connection: number, sessionPresent: boolean): void {
    const { id, persistent, filters, qos } = this.#options;
    if (sessionPresent && this.#session !== null) {
      this.#subscribed = true;
      return;
    }
    if (persistent && connection > 1 && this.#session !== null) {
      this.#options.onSessionLost(`${id} was told on ${this.#client.home} that it has no session`);
      this.#session.ended = true;
    }
    this.#received.clear();
    this.#session = null;
    this.#client.send({
      cmd: 'subscribe',
      messageId: subscribePacketId,
      subscriptions: filters.map((topic) => ({ topic, qos })),
    });
  }

  #down(): void {
    this.#subscribed = false;
    if (this.#options.persistent || this.#session === null) return;
    this.#session.ended = true;
    this.#session = null;
  }

  #take(packet: Packet): void {
    const messageId = packet.messageId ?? 0;
    if (packet.cmd === 'suback') {
      this.#subscribed = true;
      this.#session = { subscribedAtMs: performance.now(), ended: false, deliveries: [], wills: new Map() };
      this.history.sessions.push(this.#session);
    } else if (packet.cmd === 'pubrel') {
      this.#received.delete(messageId);
      this.#client.send({ cmd: 'pubcomp', messageId });
    } else if (packet.cmd === 'publish') {
      // A repeat of an id that has not been released is the same message [MQTT-4.3.3-2].
      if (packet.qos < 2 || !this.#received.has(messageId)) this.#deliver(packet);
      if (packet.qos === 1) this.#client.send({ cmd: 'puback', messageId });
      if (packet.qos === 2) {
        this.#received.add(messageId);
        this.#client.send({ cmd: 'pubrec', messageId });
      }
    }
  }

  #deliver({ topic, payload }: IPublishPacket): void {
    const session = this.#session;
    if (session === null) return;
    if (topic.startsWith(this.#options.willPrefix)) {
      session.wills.set(topic, (session.wills.get(topic) ?? 0) + 1);
      return;
    }
    const atMs = performance.now();
    const [stream = '', number, sentAtMs] = payload.toString().split('|');
    const { keep = true, onDelivery } = this.#options;
    if (keep) session.deliveries.push({ stream, number: Number(number), atMs });
    onDelivery(stream, Number(number), atMs - Number(sentAtMs));
  }
}
