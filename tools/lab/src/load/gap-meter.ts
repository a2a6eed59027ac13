import type { HistoryEvent } from '@mqtt-cluster/history-checker';

/** Client ids of the QoS 1 and QoS 2 publishers of the workload `steady`. The server acknowledges each of their messages. */
const measuredClients = /steady-publisher-\d+-qos[12]$/;
const rejectedMin = 0x80;

interface OpenGap {
  readonly faultAtMs: number;
  /**
   * The connection to the killed member. An acknowledgement on this connection or an earlier one does not end the gap,
   * because the killed member may have sent it before the fault. Null for a publisher of another member: its gap ends with
   * the acknowledgement of a message that the publisher sent after the fault.
   */
  readonly afterConnection: number | null;
  readonly onEnd: (gapMs: number, atKilledMember: boolean) => void;
}

interface Publisher {
  connection: number;
  server: string | null;
  gaps: OpenGap[];
}

/**
 * Measures how long each QoS 1 and QoS 2 publisher waits for an acknowledgement after a kill (P8), from the events that the
 * clients record. The measured gap includes the publisher's interval between two messages.
 */
export class GapMeter {
  readonly #publishers = new Map<string, Publisher>();
  readonly #byConnection = new Map<number, { readonly publisher: Publisher; readonly server: string }>();
  readonly #sentAtMs = new Map<number, number>();

  add(event: HistoryEvent): void {
    switch (event.type) {
      case 'connect': {
        if (!measuredClients.test(event.clientId)) return;
        const publisher = this.#publishers.get(event.clientId) ?? { connection: 0, server: null, gaps: [] };
        this.#publishers.set(event.clientId, publisher);
        this.#byConnection.set(event.connection, { publisher, server: event.server });
        return;
      }
      case 'connected': {
        const known = this.#byConnection.get(event.connection);
        if (known === undefined) return;
        known.publisher.connection = event.connection;
        known.publisher.server = known.server;
        return;
      }
      case 'publish':
        if (!event.dup && this.#byConnection.has(event.connection))
          this.#sentAtMs.set(event.message, event.at);
        return;
      case 'acked':
        if (event.code < rejectedMin) this.#acked(event.connection, event.message, event.at);
        return;
      case 'closed':
        this.#byConnection.delete(event.connection);
        return;
      default:
    }
  }

  /** Starts a gap for each publisher. @param killed ids of the killed members @param onEnd called when a gap ends */
  watch(faultAtMs: number, killed: readonly string[], onEnd: OpenGap['onEnd']): void {
    for (const { connection, server, gaps } of this.#publishers.values()) {
      const atKilledMember = server !== null && killed.includes(server);
      gaps.push({ faultAtMs, afterConnection: atKilledMember ? connection : null, onEnd });
    }
  }

  /** Number of gaps that have not ended. */
  get openGaps(): number {
    return [...this.#publishers.values()].reduce((sum, { gaps }) => sum + gaps.length, 0);
  }

  #acked(connection: number, message: number, atMs: number): void {
    const sentAtMs = this.#sentAtMs.get(message);
    const publisher = this.#byConnection.get(connection)?.publisher;
    this.#sentAtMs.delete(message);
    if (sentAtMs === undefined || publisher === undefined) return;
    publisher.gaps = publisher.gaps.filter(({ faultAtMs, afterConnection, onEnd }) => {
      const ends = afterConnection === null ? sentAtMs > faultAtMs : connection > afterConnection;
      if (ends) onEnd(atMs - faultAtMs, afterConnection !== null);
      return !ends;
    });
  }
}
