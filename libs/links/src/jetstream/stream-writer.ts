import type { MsgHdrs } from '@nats-io/transport-node';
import type { StreamMessage } from './outgoing-messages.ts';
import type { StreamRefusal, StreamWriter } from './outgoing.ts';
import type { JetstreamConnection } from './nats-connection.ts';
import { refusalOf } from './server-faults.ts';

/** Bytes of messages of QoS 0 that may wait to be sent. Beyond it they are dropped. */
const waitingBytesMax = 1024 * 1024;

/** Writes messages to a stream through one connection. */
export class NatsStreamWriter implements StreamWriter {
  readonly messageBytesMax: number;
  readonly #connection: JetstreamConnection;
  readonly #stream: string;
  /** Bytes of QoS 0 messages since the last answer to a PING. */
  #waitingBytes = 0;
  #isFlushing = false;

  constructor(connection: JetstreamConnection, stream: string, packetBytesMax: number) {
    this.#connection = connection;
    this.#stream = stream;
    this.messageBytesMax = Math.min(packetBytesMax, connection.nats.info?.max_payload ?? packetBytesMax);
  }

  async store(
    { subject, payload }: StreamMessage,
    headers: MsgHdrs,
    msgID: string,
  ): Promise<StreamRefusal | null> {
    try {
      await this.#connection.client.publish(subject, payload, {
        headers,
        msgID,
        expect: { streamName: this.#stream },
      });
      return null;
    } catch (error) {
      return refusalOf(error);
    }
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
