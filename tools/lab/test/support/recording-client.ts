import { MqttConnection } from '@mqtt-cluster/kit';
import type { ServerAddress } from '@mqtt-cluster/kit';
import { until } from '@mqtt-cluster/testing';
import type { IPublishPacket, Packet } from 'mqtt-packet';

type ReceivedPublish = IPublishPacket & { payload: Buffer };

/**
 * An MQTT 3.1.1 client with a clean session that records the messages it receives, and acknowledges them.
 * The end of its connection fails all later calls.
 */
export class RecordingClient {
  readonly received: ReceivedPublish[] = [];
  readonly #connection: MqttConnection;
  readonly #subacks = new Set<number>();
  #unacknowledged = new Set<number>();
  /** Packet ids of received QoS 2 messages without PUBREL. */
  readonly #unreleased = new Set<number>();
  #lastPacketId = 0;
  #connected = false;
  #ended: string | null = null;

  private constructor(server: ServerAddress, clientId: string) {
    this.#connection = new MqttConnection({
      server,
      version: 4,
      makeConnect: () => ({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId,
        clean: true,
        keepalive: 30,
      }),
      handlers: {
        onConnected: () => (this.#connected = true),
        onPacket: (packet) => this.#onPacket(packet),
        onEnded: ({ why }) => (this.#ended = `${clientId} lost its connection: ${why}`),
      },
      // A busy machine delays answers; this client does not test how soon a server answers.
      silenceMsMax: 60_000,
    });
  }

  static async connect(server: ServerAddress, clientId: string): Promise<RecordingClient> {
    const client = new RecordingClient(server, clientId);
    await client.waitUntil(() => client.#connected);
    return client;
  }

  async subscribe(filter: string, qos: 1 | 2 = 1): Promise<void> {
    const messageId = ++this.#lastPacketId;
    this.#connection.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic: filter, qos }] });
    await this.waitUntil(() => this.#subacks.has(messageId));
  }

  /** Sends a QoS 1 or QoS 2 message. {@link acknowledged} waits for its PUBACK or PUBCOMP. */
  publish(topic: string, payload: string, retain = false, qos: 1 | 2 = 1): void {
    const messageId = ++this.#lastPacketId;
    this.#unacknowledged.add(messageId);
    this.#connection.send({ cmd: 'publish', topic, payload, qos, retain, dup: false, messageId });
  }

  /** Resolves when the server has acknowledged all messages of {@link publish}. */
  acknowledged(): Promise<void> {
    return this.waitUntil(() => this.#unacknowledged.size === 0);
  }

  /** Resolves when the client has received a message of each topic. */
  async receivesAll(topics: readonly string[]): Promise<void> {
    await this.waitUntil(() => {
      const known = new Set(this.received.map(({ topic }) => topic));
      return topics.every((topic) => known.has(topic));
    });
  }

  /** Returns the number of received messages of this topic. */
  count(topic: string): number {
    return this.received.filter((message) => message.topic === topic).length;
  }

  close(): void {
    this.#ended ??= 'the test has ended';
    this.#connection.abandon();
  }

  /** Waits until `holds` returns true. Only the end of the connection or of the test limits the wait. */
  async waitUntil(holds: () => boolean): Promise<void> {
    await until(() => {
      if (this.#ended !== null) throw new Error(this.#ended);
      return holds();
    });
  }

  #onPacket(packet: Packet): void {
    switch (packet.cmd) {
      case 'puback':
      case 'pubcomp':
        this.#unacknowledged.delete(packet.messageId ?? 0);
        return;
      case 'pubrec':
        return this.#connection.send({ cmd: 'pubrel', messageId: packet.messageId ?? 0 });
      case 'pubrel':
        this.#unreleased.delete(packet.messageId ?? 0);
        return this.#connection.send({ cmd: 'pubcomp', messageId: packet.messageId ?? 0 });
      case 'suback':
        this.#subacks.add(packet.messageId ?? 0);
        return;
      case 'publish':
        return this.#onPublish(packet as ReceivedPublish);
      default:
        return;
    }
  }

  #onPublish(packet: ReceivedPublish): void {
    const { qos, messageId = 0 } = packet;
    if (qos < 2) this.received.push(packet);
    else if (!this.#unreleased.has(messageId)) {
      this.#unreleased.add(messageId);
      this.received.push(packet);
    }
    if (qos > 0) this.#connection.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId });
  }
}
