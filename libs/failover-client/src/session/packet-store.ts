import { Store } from 'mqtt';
import type { IStore, Packet } from 'mqtt';

type Done = (error?: Error) => void;
type GotPacket = (error?: Error, packet?: Packet) => void;
type Key = Pick<Packet, 'messageId'>;

const packetIdMax = 65_535;

/**
 * Stores unacknowledged PUBLISH and PUBREL packets in the order in which they were first sent, and allocates
 * packet ids.
 *
 * The store of MQTT.js would send stored packets again one by one, each after the acknowledgement of the
 * packet before, and would drop messages that are published meanwhile. This store sends all stored packets at
 * once after a reconnect, within the server's Receive Maximum, and before any new packet.
 */
export class PacketStore implements IStore {
  readonly #packets = new Map<number, Packet>();
  /** Packet ids in use without a stored packet: SUBSCRIBE, UNSUBSCRIBE, and packets not yet stored. */
  readonly #otherIds = new Set<number>();
  readonly #send: (packet: Packet) => void;
  #unsent: Packet[] = [];
  #lastId: number;
  #window = packetIdMax;
  #sameSession = false;

  /** @param send writes a packet to the current connection */
  constructor(send: (packet: Packet) => void, random: () => number) {
    this.#send = send;
    // Packet ids of a former process may still be open in the session, so this process starts at a random id.
    this.#lastId = Math.floor(random() * packetIdMax);
  }

  get size(): number {
    return this.#packets.size;
  }

  /** Number of packets that wait for room in the window of this connection. New packets must not overtake them. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /**
   * Must be called before packets are sent on a new connection.
   *
   * @param sameSession true if the server has resumed the session
   * @param window how many packets may be in flight at once
   */
  prepare(sameSession: boolean, window: number): void {
    this.#sameSession = sameSession;
    this.#window = window;
  }

  /** Returns whether the server has not confirmed to have received this PUBLISH. */
  holdsPublish(id: number): boolean {
    return this.#packets.get(id)?.cmd === 'publish';
  }

  /** Returns whether the server may still wait for this PUBLISH, and the PUBLISH was sent on this connection. */
  isPublishSent(id: number): boolean {
    const packet = this.#packets.get(id);
    return packet?.cmd === 'publish' && !this.#unsent.includes(packet);
  }

  readonly messageIds = {
    allocate: (): number | null => {
      for (let tried = 0; tried < packetIdMax; tried += 1) {
        this.#lastId = (this.#lastId % packetIdMax) + 1;
        if (this.#packets.has(this.#lastId) || this.#otherIds.has(this.#lastId)) continue;
        this.#otherIds.add(this.#lastId);
        return this.#lastId;
      }
      return null;
    },
    getLastAllocated: (): number | null => this.#lastId,
    register: (id: number): boolean => {
      this.#otherIds.add(id);
      return true;
    },
    deallocate: (id: number): void => {
      this.#otherIds.delete(id);
    },
    /** MQTT.js calls this for a new connection. Ids of SUBSCRIBE and UNSUBSCRIBE become free, ids of stored packets do not. */
    clear: (): void => this.#otherIds.clear(),
  };

  put(packet: Packet, done: Done): this {
    if (packet.messageId !== undefined) this.#packets.set(packet.messageId, packet);
    done();
    return this;
  }

  get({ messageId }: Key, done: GotPacket): this {
    const packet = messageId === undefined ? undefined : this.#packets.get(messageId);
    if (packet) done(undefined, packet);
    else done(new Error('missing packet'));
    return this;
  }

  del({ messageId }: Key, done: GotPacket): this {
    const packet = messageId === undefined ? undefined : this.#packets.get(messageId);
    if (packet && messageId !== undefined) {
      this.#packets.delete(messageId);
      this.#unsent = this.#unsent.filter((waiting) => waiting !== packet);
      this.#sendWithinWindow();
      done(undefined, packet);
    } else {
      done(new Error('missing packet'));
    }
    return this;
  }

  /**
   * MQTT.js calls this after CONNACK for the packets to send again. This store sends the stored packets
   * itself, so the stream is empty.
   */
  createStream(): ReturnType<IStore['createStream']> {
    this.#unsent = [...this.#packets.values()];
    this.#sendWithinWindow();
    return new Store().createStream();
  }

  close(done: Done): void {
    done();
  }

  #sendWithinWindow(): void {
    while (this.#unsent.length > 0 && this.#packets.size - this.#unsent.length < this.#window) {
      const packet = this.#unsent.shift();
      if (!packet) return;
      // DUP is set only within the same session [MQTT-3.3.1-1].
      this.#send(packet.cmd === 'publish' ? { ...packet, dup: this.#sameSession } : packet);
    }
  }
}
