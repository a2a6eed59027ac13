import type { ConsumerMessages, JsMsg, StreamInfo } from '@nats-io/jetstream';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { JetstreamIncoming } from './incoming.ts';
import type { JetstreamConnection } from './nats-connection.ts';
import { serverFault } from './server-faults.ts';
import { subjectsOf } from './stream.ts';
import { disjoint } from './subjects.ts';

/** Messages that the server sends ahead, and their bytes if each is as large as the server permits. */
const aheadMax = 100;
const aheadBytesMax = 16 * 1024 * 1024;
/** Interval of the signs of life of an idle consumer, and the time of one request for messages, ms. */
const idleHeartbeatMs = 2_000;
const requestMs = 10_000;
/** The server deletes the consumer of a connection that has ended after this time, ms. */
const inactiveMs = 30_000;
/** Missed signs of life after which the connection ends. */
const missedMax = 3;
/**
 * The client would create its consumer anew, perhaps at another stream of the same name. The next connection compares the
 * streams.
 */
const consumerEnds: ReadonlySet<string> = new Set([
  'consumer_deleted',
  'consumer_not_found',
  'ordered_consumer_recreated',
]);
/** Messages that are handled in one turn of the event loop. */
const messagesOfTurnMax = 100;
/** First version of the server in which a consumer has several filters. */
const severalFiltersVersion = [2, 10] as const;

export interface StreamReaderOptions {
  readonly connection: JetstreamConnection;
  readonly stream: StreamInfo;
  readonly definition: LinkDefinition;
  readonly incoming: JetstreamIncoming;
  /** The connection must end. */
  readonly onFault: (text: string) => void;
}

/** Reads a stream in its order with an ordered consumer, as fast as the cluster commits the messages. */
export class StreamReader {
  readonly #options: StreamReaderOptions;
  #messages: ConsumerMessages | null = null;
  #isEnded = false;

  constructor(options: StreamReaderOptions) {
    this.#options = options;
    this.#run().then(
      () => this.#fail('the server has ended the consumer of the link'),
      (error: unknown) => this.#fail(serverFault(error)),
    );
  }

  end(): void {
    this.#isEnded = true;
    this.#messages?.stop();
    this.#options.incoming.onDisconnected();
  }

  async #run(): Promise<void> {
    const { connection, stream, incoming } = this.#options;
    const filters = this.#filters();
    const consumer = await connection.client.consumers.get(stream.config.name, {
      opt_start_seq: incoming.nextSequence,
      inactive_threshold: inactiveMs,
      ...(filters !== null && { filter_subjects: filters }),
    });
    const messages = await consumer.consume({
      max_messages: messagesAhead(connection.nats.info?.max_payload),
      expires: requestMs,
      idle_heartbeat: idleHeartbeatMs,
    });
    this.#messages = messages;
    if (this.#isEnded) return messages.stop();
    void this.#watch(messages);
    let count = 0;
    for await (const message of messages) {
      const { seq, subject, data, time } = message;
      await incoming.room(seq, () => this.#isEnded);
      if (this.#isEnded) return;
      const ageSeconds = (Date.now() - time.getTime()) / 1_000;
      incoming.onMessage({ sequence: seq, subject, payload: data, headers: headersOf(message), ageSeconds });
      if (++count % messagesOfTurnMax === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #watch(messages: ConsumerMessages): Promise<void> {
    for await (const status of messages.status()) {
      if (status.type === 'heartbeats_missed' && status.count >= missedMax)
        return this.#fail('the consumer of the stream does not answer');
      if (consumerEnds.has(status.type))
        return this.#fail('the server has deleted the consumer of the link, perhaps with the stream');
      if (status.type === 'stream_not_found') return this.#fail('the stream was deleted');
    }
  }

  /** Returns the filters of the consumer. Null: the server sends all messages, and the link chooses. */
  #filters(): string[] | string | null {
    const { connection, definition } = this.#options;
    const subjects = disjoint(subjectsOf(definition, 'in'));
    if (subjects === null) return null;
    if (subjects.length === 1) return subjects[0]!;
    const [major = 0, minor = 0] = (connection.nats.info?.version ?? '').split('.').map(Number);
    const [majorMin, minorMin] = severalFiltersVersion;
    return major > majorMin || (major === majorMin && minor >= minorMin) ? subjects : null;
  }

  #fail(text: string): void {
    if (this.#isEnded) return;
    this.end();
    this.#options.onFault(text);
  }
}

/** @param payloadMax the largest message that the server accepts, bytes */
export function messagesAhead(payloadMax = aheadBytesMax): number {
  return Math.max(1, Math.min(aheadMax, Math.floor(aheadBytesMax / payloadMax)));
}

/** Returns the headers of a message. Headers that the NATS client cannot read count as absent. */
function headersOf(message: JsMsg): MsgHdrs | undefined {
  try {
    return message.headers;
  } catch {
    return undefined;
  }
}
