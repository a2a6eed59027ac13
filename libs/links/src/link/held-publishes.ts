import type { ClientInput } from '@mqtt-cluster/contracts';
import { backOffMs, refusalsMax } from './back-off.ts';
import type { After } from './back-off.ts';
import { RefusedTopics } from './refused-topics.ts';

/** QoS 2 exchanges with the cluster: the packet ids that a session holds (`incomingMax`). */
export const exchangesMax = 100;
/** Bounds on the messages that wait here. A broker that sends more without an acknowledgement loses its connection. */
export const heldPublishesMax = 10_000;
export const heldBytesMax = 16 * 1024 * 1024;

/** Memory of an entry, and of one user property, without their texts, bytes. */
const entryBytes = 512;
const userPropertyBytes = 128;

export type PublishInput = Extract<ClientInput, { readonly kind: 'publish' }>;

interface Entry {
  readonly input: PublishInput;
  readonly bytes: number;
  /** Time of its arrival. */
  readonly sinceMs: number;
  refusals: number;
  /** False: the message is with the cluster. */
  isHeld: boolean;
}

/**
 * Messages of the other broker that the cluster has not acknowledged.
 *
 * A broker with MQTT 3.1.1 knows no Receive Maximum, and mosquitto 2.0.11 exceeds it after a reconnect. So QoS 2 messages wait
 * here while the session has as many exchanges as it may have. Otherwise the cluster would refuse some of them, and later
 * ones would overtake them.
 *
 * When the cluster refuses a message for its bounds, this message and the later ones wait. After a pause the first one is
 * published alone; when the cluster accepts it, the others follow in their order. So the other broker need not send them
 * again, and the outgoing direction goes on.
 */
export class HeldPublishes {
  readonly #publish: (input: ClientInput) => void;
  readonly #after: After;
  readonly #now: () => number;
  readonly #refusedTopics: RefusedTopics;
  /** By packet id, in the order of the other broker. */
  readonly #entries = new Map<number, Entry>();
  #heldCount = 0;
  #heldBytes = 0;
  /** Packet ids of QoS 2 from PUBLISH or PUBREL to the PUBCOMP of the cluster. */
  readonly #exchanges = new Set<number>();
  /** The message that is published alone. */
  #probe: number | null = null;
  #endPause: (() => void) | null = null;

  constructor(publish: (input: ClientInput) => void, after: After, now: () => number) {
    this.#publish = publish;
    this.#after = after;
    this.#now = now;
    this.#refusedTopics = new RefusedTopics(now);
  }

  /** @returns false if too much waits */
  add(packetId: number, input: PublishInput): boolean {
    // The other broker may not send a packet id again on this connection before it has the acknowledgement.
    if (this.#entries.has(packetId)) return true;
    const entry = { input, bytes: bytesOf(input), sinceMs: this.#now(), refusals: 0, isHeld: false };
    const waits = this.#probe !== null || this.#endPause !== null || this.#heldCount > 0;
    const isHeld = waits || !this.#hasRoom(packetId, entry);
    const isFull = this.#heldCount >= heldPublishesMax || this.#heldBytes + entry.bytes > heldBytesMax;
    if (isHeld && isFull) return false;
    this.#entries.set(packetId, entry);
    if (isHeld) this.#hold(entry);
    else this.#pass(packetId, entry);
    return true;
  }

  /** The other broker has released a QoS 2 message, perhaps one of a former connection. */
  onPubrel(packetId: number): void {
    this.#exchanges.add(packetId);
  }

  onAccepted(packetId: number): void {
    const entry = this.#entries.get(packetId);
    if (entry !== undefined) this.#refusedTopics.onAccepted(entry.input.request.topic);
    this.#remove(packetId);
    if (packetId !== this.#probe) return;
    this.#probe = null;
    this.#passOn();
  }

  /** The cluster has answered PUBCOMP. */
  onCompleted(packetId: number): void {
    this.#exchanges.delete(packetId);
    if (this.#probe === null && this.#endPause === null) this.#passOn();
  }

  /** @returns false if the message has been refused too often and is dropped, null for a message of a former connection */
  onRefused(packetId: number): boolean | null {
    const entry = this.#entries.get(packetId);
    if (entry === undefined) return null;
    this.#exchanges.delete(packetId);
    const { topic } = entry.input.request;
    const hasOneAttempt = this.#refusedTopics.has(topic);
    const isKept = !hasOneAttempt && ++entry.refusals < refusalsMax;
    if (isKept) this.#hold(entry);
    else {
      this.#remove(packetId);
      this.#refusedTopics.onDropped(topic);
    }
    const wasProbe = packetId === this.#probe;
    if (wasProbe) this.#probe = null;
    if (this.#probe !== null || this.#entries.size === 0) return isKept;
    if (!hasOneAttempt) {
      this.#endPause ??= this.#after(backOffMs(entry.refusals), () => this.#publishFirst());
    } else if (this.#endPause === null) {
      // The messages behind it do not wait for a topic that is always refused.
      if (wasProbe) this.#publishFirst();
      else this.#passOn();
    }
    return isKept;
  }

  /** The connection has ended: the other broker sends all messages again. */
  clear(): void {
    this.#entries.clear();
    this.#exchanges.clear();
    this.#heldCount = 0;
    this.#heldBytes = 0;
    this.#probe = null;
    this.#endPause?.();
    this.#endPause = null;
  }

  /** Publishes the first message that waits, alone. */
  #publishFirst(): void {
    this.#endPause = null;
    const first = this.#firstHeld();
    if (first === undefined) return;
    const [packetId, entry] = first;
    if (!this.#hasRoom(packetId, entry)) return;
    this.#probe = packetId;
    this.#release(packetId, entry);
  }

  /** Passes on messages that wait, in their order, as far as the session has room. */
  #passOn(): void {
    for (const [packetId, entry] of this.#entries) {
      if (!entry.isHeld) continue;
      if (!this.#hasRoom(packetId, entry)) return;
      this.#release(packetId, entry);
    }
  }

  #firstHeld(): [number, Entry] | undefined {
    for (const each of this.#entries) if (each[1].isHeld) return each;
    return undefined;
  }

  #hasRoom(packetId: number, { input }: Entry): boolean {
    if (input.request.qos !== 2 || this.#exchanges.has(packetId)) return true;
    return this.#exchanges.size < exchangesMax;
  }

  /** The answer to a message of a former connection may come while the same message waits. */
  #remove(packetId: number): void {
    const entry = this.#entries.get(packetId);
    if (entry?.isHeld === true) this.#unhold(entry);
    this.#entries.delete(packetId);
  }

  #hold(entry: Entry): void {
    if (entry.isHeld) return;
    entry.isHeld = true;
    this.#heldCount++;
    this.#heldBytes += entry.bytes;
  }

  #unhold(entry: Entry): void {
    entry.isHeld = false;
    this.#heldCount--;
    this.#heldBytes -= entry.bytes;
  }

  #release(packetId: number, entry: Entry): void {
    this.#unhold(entry);
    this.#pass(packetId, entry);
  }

  #pass(packetId: number, { input, sinceMs }: Entry): void {
    if (input.request.qos === 2) this.#exchanges.add(packetId);
    this.#publish(agedBy(input, this.#now() - sinceMs));
  }
}

/**
 * Returns the message with what is left of its Message Expiry Interval after it has waited [MQTT-3.3.2-6]. With 0 the cluster
 * does not queue it, and counts it.
 */
function agedBy(input: PublishInput, waitedMs: number): PublishInput {
  const { properties } = input.request;
  const waitedSeconds = Math.floor(waitedMs / 1_000);
  if (properties?.messageExpiryInterval === undefined || waitedSeconds === 0) return input;
  const messageExpiryInterval = Math.max(0, properties.messageExpiryInterval - waitedSeconds);
  return { ...input, request: { ...input.request, properties: { ...properties, messageExpiryInterval } } };
}

/** Returns the memory that the message takes while it waits. Another broker may send properties instead of a payload. */
function bytesOf({ request: { topic, payload, properties = {} } }: PublishInput): number {
  const { contentType = '', responseTopic = '', correlationData, userProperties = [] } = properties;
  let bytes = entryBytes + topic.length + payload.length + contentType.length + responseTopic.length;
  bytes += correlationData?.length ?? 0;
  for (const [name, value] of userProperties) bytes += userPropertyBytes + name.length + value.length;
  return bytes;
}
