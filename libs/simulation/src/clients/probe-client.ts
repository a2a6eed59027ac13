import type {
  ClientEffect,
  ConnectRequest,
  DeliverEffect,
  PublishRequest,
  QoS,
} from '@mqtt-cluster/contracts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientWorld } from './client.ts';

/** One packet that a probe received. */
interface ReceivedPacket {
  readonly atMs: number;
  readonly effect: ClientEffect;
}

/**
 * A client for single measurements: it never reconnects by itself, and it records each packet with its time.
 * It acknowledges QoS 1 messages at once, unless `acknowledges` is false. The checks of the workload do not see it.
 */
export class ProbeClient {
  readonly id: string;
  /** All packets of the current connection. */
  packets: ReceivedPacket[] = [];
  acknowledges = true;
  readonly #world: ClientWorld;
  readonly #random: Random;
  #connection: ClientConnection | null = null;
  #nextPacketId = 1;

  constructor(world: ClientWorld, random: Random, id: string) {
    this.#world = world;
    this.#random = random;
    this.id = id;
  }

  /** Session Present of the CONNACK, or null before the CONNACK. */
  get sessionPresent(): boolean | null {
    for (const { effect } of this.packets) if (effect.kind === 'connack') return effect.sessionPresent;
    return null;
  }

  get deliveries(): readonly (DeliverEffect & { readonly atMs: number })[] {
    return this.packets.flatMap(({ atMs, effect }) => (effect.kind === 'deliver' ? { ...effect, atMs } : []));
  }

  /** Returns when the answer of this kind with this packet id arrived, or null. */
  answeredAtMs(kind: 'puback' | 'suback', packetId: number): number | null {
    const answer = this.packets.find(({ effect }) => effect.kind === kind && effect.packetId === packetId);
    return answer?.atMs ?? null;
  }

  connect(host: Host, request: Partial<ConnectRequest> = {}): void {
    this.packets = [];
    const connection = new ClientConnection(
      this.#world.newConnectionId(),
      host,
      this.#world.timeline,
      this.#random,
      {
        effect: (from, effect) => this.#received(from, effect),
        lost: () => undefined,
        endHandled: () => undefined,
      },
    );
    this.#connection = connection;
    this.#world.register(connection);
    connection.connect({
      client: this.id,
      clean: false,
      sessionExpirySeconds: 3_600,
      receiveMaximum: 100,
      ...request,
    });
  }

  /** Ends the connection without DISCONNECT, or with it (`graceful`). */
  close(graceful = false): void {
    this.#connection?.close({ graceful }, () => undefined);
  }

  /** @returns the packet id of the SUBSCRIBE */
  subscribe(filter: string, qos: QoS): number {
    const packetId = this.#nextPacketId++;
    this.#connection?.toHost({ kind: 'subscribe', packetId, subscriptions: [{ filter, qos }] });
    return packetId;
  }

  /** Publishes with QoS 1 by default. A QoS 2 exchange ends with PUBREC. @returns the packet id */
  publish(
    topic: string,
    payload: string,
    options: Pick<Partial<PublishRequest>, 'qos' | 'retain' | 'properties'>,
  ): number {
    const packetId = this.#nextPacketId++;
    const { qos = 1, retain = false, properties } = options;
    const request = { topic, payload: Buffer.from(payload), qos, retain, packetId };
    const withProperties = properties === undefined ? request : { ...request, properties };
    this.#connection?.toHost({ kind: 'publish', request: withProperties });
    return packetId;
  }

  /** Sends the PUBACKs that the probe has not sent because `acknowledges` was false. */
  acknowledgeAll(): void {
    this.acknowledges = true;
    for (const { packetId, qos } of this.deliveries)
      if (qos === 1) this.#connection?.toHost({ kind: 'puback', packetId });
  }

  #received(connection: ClientConnection, effect: ClientEffect): void {
    if (connection !== this.#connection) return;
    this.packets.push({ atMs: this.#world.timeline.nowMs, effect });
    if (effect.kind === 'deliver' && effect.qos === 1 && this.acknowledges)
      connection.toHost({ kind: 'puback', packetId: effect.packetId });
  }
}
