import { isWithinShare, messageBytes, queueItemBytes } from '@mqtt-cluster/mqtt-state';
import type { MemberLimits } from '../../options.ts';
import type { Connection, LocalItem } from '../connections/connection.ts';

/** Bounds the local queues of connected clean sessions, in messages and in bytes of memory. */
export class LocalQueues {
  readonly #limits: MemberLimits;
  #bytes = 0;

  constructor(limits: MemberLimits) {
    this.#limits = limits;
  }

  /** Bytes of memory of all queues. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Appends an item. At a bound the oldest items of the same queue are dropped. If the queue still has no room,
   * the new item is dropped.
   * @param dropped called for each dropped item
   */
  push(connection: Connection, item: LocalItem, dropped: () => void): void {
    const bytes = queueItemBytes + messageBytes(item.message);
    while (!this.#fits(connection, bytes)) {
      dropped();
      if (this.shift(connection) === undefined) return;
    }
    item.bytes = bytes;
    connection.local.push(item);
    this.#charge(connection, bytes);
  }

  shift(connection: Connection): LocalItem | undefined {
    const item = connection.local.shift();
    if (item !== undefined) this.#charge(connection, -(item.bytes ?? 0));
    return item;
  }

  /** Ends the accounting of a connection that has ended. */
  remove(connection: Connection): void {
    this.#charge(connection, -connection.localBytes);
  }

  #fits({ local, localBytes }: Connection, bytes: number): boolean {
    const { cleanQueueMax, cleanQueueBytesMax, homeQueueBytesMax } = this.#limits;
    return (
      local.length < cleanQueueMax &&
      localBytes + bytes <= cleanQueueBytesMax &&
      isWithinShare(localBytes, bytes, this.#bytes, homeQueueBytesMax)
    );
  }

  #charge(connection: Connection, bytes: number): void {
    connection.localBytes += bytes;
    this.#bytes += bytes;
  }
}
