/** Memory of the topics that are remembered for one connection. Messages beyond it are not compared. */
const topicsBytesMax = 16 * 1024 * 1024;
/** Memory of a topic in the set, without its text. */
const entryBytes = 100;

/** A PUBLISH of the other broker, with its topic in the cluster. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly dup: boolean;
}

/**
 * Recognises retained messages that a broker with MQTT 3.1.1 sends again for each SUBSCRIBE. MQTT 5 has Retain Handling
 * for this purpose. The first message of a topic with RETAIN on a connection is such a message. It is a repetition if the
 * cluster retains the same payload. Later ones are new: a bridge gets each message with the RETAIN flag of its publisher.
 */
export class RetainedRepeats {
  readonly #retained: (topic: string) => Uint8Array | undefined;
  readonly #topics = new Set<string>();
  #bytes = 0;

  /** @param retained returns the payload that the cluster retains */
  constructor(retained: (topic: string) => Uint8Array | undefined) {
    this.#retained = retained;
  }

  isRepeat({ topic, payload, retain, dup }: IncomingMessage): boolean {
    if (!retain || this.#topics.has(topic)) return false;
    const bytes = entryBytes + topic.length;
    if (this.#bytes + bytes > topicsBytesMax) return false;
    this.#bytes += bytes;
    this.#topics.add(topic);
    // A message with DUP was sent before this connection, so the SUBSCRIBE of this connection is not its cause.
    if (dup) return false;
    const known = this.#retained(topic);
    return known !== undefined && Buffer.compare(known, payload) === 0;
  }

  /** Another connection begins. */
  clear(): void {
    this.#topics.clear();
    this.#bytes = 0;
  }
}
