import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { IConnectPacket, IPublishPacket, Packet } from 'mqtt-packet';
import type { After } from '../link/back-off.ts';
import { toRemote } from './properties.ts';

/**
 * Time after the end of a connection until a broker with MQTT 5.0 publishes the will, seconds. It publishes no will if the
 * link has connected again by then (MQTT 5.0, 3.1.3.2.2). A takeover takes up to 5 s.
 */
const willDelaySeconds = 10;
/**
 * Time after CONNACK until the link publishes again that it is connected, ms. A broker of several nodes may publish the will
 * of the former connection after it has accepted the new one.
 */
const repeatMs = 5_000;

/** The payloads are those of a mosquitto bridge (`notifications` in mosquitto.conf). */
const connected = '1';
const disconnected = '0';

interface PresenceOptions {
  readonly definition: LinkDefinition;
  /** The mark of this link. Further links do not pass the message on. */
  readonly mark: string;
  readonly send: (packet: Packet) => void;
  readonly after: After;
}

/** Keeps a retained message at the other broker that says whether this cluster is connected through the link. */
export class Presence {
  readonly #options: PresenceOptions;
  #cancelRepeat: (() => void) | null = null;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Returns the will of a connection, or undefined without the setting. */
  will(): IConnectPacket['will'] {
    const { definition, mark } = this.#options;
    const { presence, protocol } = definition;
    if (presence === undefined) return undefined;
    const properties = { ...toRemote({}, mark, undefined), willDelayInterval: willDelaySeconds };
    return {
      topic: presence,
      payload: disconnected,
      qos: 1,
      retain: true,
      ...(protocol === '5.0' && { properties }),
    };
  }

  onConnected(): void {
    if (this.#options.definition.presence === undefined) return;
    this.#publish(connected);
    this.#cancelRepeat = this.#options.after(repeatMs, () => this.#publish(connected));
  }

  onDisconnected(): void {
    this.#cancelRepeat?.();
    this.#cancelRepeat = null;
  }

  /** Publishes that the cluster is not connected. The caller then ends the connection without its will. */
  onLeave(): void {
    this.#publish(disconnected);
  }

  #publish(payload: string): void {
    const { definition, mark, send } = this.#options;
    const packet = presencePacket(definition, mark, payload);
    if (packet !== null) send(packet);
  }
}

/** Returns the packet that says that the cluster is not connected, or null without the setting. */
export function absencePacket(definition: LinkDefinition, mark: string): IPublishPacket | null {
  return presencePacket(definition, mark, disconnected);
}

/** The packet has QoS 0, because the packet ids of a link are those of its session in the cluster. */
function presencePacket(
  { presence, protocol }: LinkDefinition,
  mark: string,
  payload: string,
): IPublishPacket | null {
  if (presence === undefined) return null;
  const properties = protocol === '5.0' && { properties: toRemote({}, mark, undefined) };
  return { cmd: 'publish', topic: presence, payload, qos: 0, dup: false, retain: true, ...properties };
}
