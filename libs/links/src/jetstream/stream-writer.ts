import type { MsgRequest, StoredMsg, StreamInfo } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import { compare } from './comparison.ts';
import type { FoundMessage, MessageId, Verdict } from './comparison.ts';
import type { StreamMessage } from './outgoing-messages.ts';
import type { StreamAnswer, StreamRefusal, StreamWriter } from './outgoing-types.ts';
import type { JetstreamConnection } from './nats-connection.ts';
import { refusalOf } from './server-faults.ts';

/** Bytes of messages of QoS 0 that may wait to be sent. Beyond it they are dropped. */
const waitingBytesMax = 1024 * 1024;
const nanosecondsPerMs = 1_000_000;

/** Writes messages to a stream through one connection. */
export class NatsStreamWriter implements StreamWriter {
  readonly messageBytesMax: number;
  readonly duplicateWindowMs: number;
  readonly #connection: JetstreamConnection;
  readonly #stream: string;
  /** Bytes of QoS 0 messages since the last answer to a PING. */
  #waitingBytes = 0;
  #isFlushing = false;

  constructor(connection: JetstreamConnection, { config }: StreamInfo, packetBytesMax: number) {
    this.#connection = connection;
    this.#stream = config.name;
    this.duplicateWindowMs = config.duplicate_window / nanosecondsPerMs;
    this.messageBytesMax = Math.min(packetBytesMax, connection.nats.info?.max_payload ?? packetBytesMax);
  }

  async store({ subject, payload }: StreamMessage, headers: MsgHdrs, msgID: string): Promise<StreamAnswer> {
    try {
      const { duplicate } = await this.#connection.client.publish(subject, payload, {
        headers,
        msgID,
        expect: { streamName: this.#stream },
      });
      return duplicate ? 'repeated' : 'stored';
    } catch (error) {
      return refusalOf(error);
    }
  }

  async compare(subject: string, id: MessageId): Promise<Verdict | StreamRefusal> {
    const reader = {
      last: () => this.#find({ last_by_subj: subject }),
      next: (seq: number) => this.#find({ seq, next_by_subj: subject }),
    };
    try {
      return await compare(reader, id);
    } catch (error) {
      return refusalOf(error);
    }
  }

  /**
   * Asks the leader of the stream: other replicas may not have the last messages.
   * @param query the type of the NATS client lacks a field that every server since 2.9 knows
   */
  async #find(query: MsgRequest & { readonly next_by_subj?: string }): Promise<FoundMessage | null> {
    const found = await this.#connection.manager.streams.getMessage(this.#stream, query);
    return found === null ? null : { sequence: found.seq, id: idOf(found) };
  }

  send({ subject, payload, headers }: StreamMessage): boolean {
    if (this.#waitingBytes > waitingBytesMax) return false;
    const { nats } = this.#connection;
    if (nats.isClosed()) return false;
    nats.publish(subject, payload, { headers });
    this.#waitingBytes += payload.length;
    this.#flush();
    return true;
  }

  #flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const before = this.#waitingBytes;
    this.#connection.nats.flush().then(
      () => {
        this.#isFlushing = false;
        this.#waitingBytes -= before;
        if (this.#waitingBytes > 0) this.#flush();
      },
      // The connection has ended.
      () => undefined,
    );
  }
}

/** Returns the id of a message. A message with headers that the NATS client cannot read counts as one without an id. */
function idOf(message: StoredMsg): string {
  try {
    return message.header.get('Nats-Msg-Id');
  } catch {
    return '';
  }
}
