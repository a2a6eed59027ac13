import { Store } from 'mqtt';
import type { IStore, Packet } from 'mqtt';

type Done = (error?: Error) => void;
type GotPacket = (error?: Error, packet?: Packet) => void;
type Key = Pick<Packet, 'messageId'>;

const packetIdMax = 65_535;

/**
 * Unacknowledged PUBLISH and PUBREL packets in the order in which they were first sent, and their packet ids.
 *
 * MQTT.js would send them again one by one, each after the ack of the one before, and would throw away what
 * is published meanwhile. Here all go at once when the connection is there, within the server's window,
 * before anything new.
 */
export class PacketStore implements IStore {
  readonly #packets = new Map<number, Packet>();
  readonly #otherIds = new Set<number>();
  readonly #send: (packet: Packet) => void;
  #unsent: Packet[] = [];
  #lastId: number;
  #window = packetIdMax;
  #sameSession = false;

  /** `send` writes to the connection that is up now. */
  constructor(send: (packet: Packet) => void, random: () => number) {
    this.#send = send;
    // Packet ids of a former process may still be open in its session: start somewhere else.
    this.#lastId = Math.floor(random() * packetIdMax);
  }

  get size(): number {
    return this.#packets.size;
  }

  /** Packets that wait until the window of this connection has room; nothing new may overtake them. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** Before a connection is resumed. @param window how many packets may be on the way at once */
  prepare(sameSession: boolean, window: number): void {
    this.#sameSession = sameSession;
    this.#window = window;
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
    /** A new connection: ids of SUBSCRIBE and UNSUBSCRIBE are free again, those of stored packets are not. */
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
      this.#sendSome();
      done(undefined, packet);
    } else {
      done(new Error('missing packet'));
    }
    return this;
  }

  /** MQTT.js asks for what is to be sent again, with CONNACK: it is on its way when this returns. */
  createStream(): ReturnType<IStore['createStream']> {
    this.#unsent = [...this.#packets.values()];
    this.#sendSome();
    return new Store().createStream();
  }

  close(done: Done): void {
    done();
  }

  #sendSome(): void {
    while (this.#unsent.length > 0 && this.#packets.size - this.#unsent.length < this.#window) {
      const packet = this.#unsent.shift();
      if (!packet) return;
      // A repeat only within the same session [MQTT-3.3.1-1].
      this.#send(packet.cmd === 'publish' ? { ...packet, dup: this.#sameSession } : packet);
    }
  }
}
