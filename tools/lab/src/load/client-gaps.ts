import type { HistoryEvent, QoS } from '@mqtt-cluster/history-checker';

/** Shorter waits are normal: the disks of all members share one machine. A failover takes longer. */
const gapMsMin = 100;
const gapsMax = 100;
const clientsMax = 100;
const clientName = /steady-(publisher|subscriber)-(\d+)(?:-qos([012]))?$/;
const rejectedMin = 0x80;
/** Level of QoS of the subscriptions of the workload `steady`. */
const subscriptionQoS: QoS = 2;

/** A time in which a client made no progress, Unix ms. */
interface ClientGap {
  readonly startMs: number;
  /** Null while the gap lasts. */
  readonly endMs: number | null;
}

/** A client of the load with its last 100 gaps, the oldest first. */
export interface ClientView {
  readonly id: string;
  readonly role: 'publisher' | 'subscriber';
  readonly qos: QoS;
  readonly member: string | null;
  readonly gaps: readonly ClientGap[];
}

interface Client {
  readonly id: string;
  readonly role: 'publisher' | 'subscriber';
  readonly qos: QoS;
  member: string | null;
  connection: number;
  /** Messages without an acknowledgement. */
  readonly open: Set<number>;
  /** Time since which the client waits for an acknowledgement or for its connection. */
  waitsSinceMs: number | null;
  readonly gaps: ClientGap[];
}

/**
 * Records when the clients of the load made no progress for at least 100 ms: a publisher of QoS 1 and 2 without an
 * acknowledgement, the other clients without a connection.
 */
export class ClientGaps {
  readonly #clients = new Map<string, Client>();
  readonly #byConnection = new Map<number, { readonly client: Client; readonly member: string }>();
  readonly #now: () => number;
  readonly #unixMs: () => number;

  /** @param now the clock of the events, ms @param unixMs the time since 1970 at the same moment */
  constructor(now: () => number, unixMs: () => number) {
    this.#now = now;
    this.#unixMs = unixMs;
  }

  add(event: HistoryEvent): void {
    switch (event.type) {
      case 'connect':
        return this.#connect(event.clientId, event.connection, event.server);
      case 'connected': {
        const known = this.#byConnection.get(event.connection);
        if (known === undefined) return;
        const { client, member } = known;
        client.connection = event.connection;
        client.member = member;
        if (!waitsForAcknowledgement(client)) this.#progress(client, event.at, false);
        return;
      }
      case 'publish': {
        const client = this.#byConnection.get(event.connection)?.client;
        if (client === undefined || !waitsForAcknowledgement(client)) return;
        client.open.add(event.message);
        client.waitsSinceMs ??= event.at;
        return;
      }
      case 'acked': {
        const client = this.#byConnection.get(event.connection)?.client;
        if (client === undefined || event.code >= rejectedMin || !client.open.delete(event.message)) return;
        this.#progress(client, event.at, client.open.size > 0);
        return;
      }
      case 'closed': {
        const client = this.#byConnection.get(event.connection)?.client;
        this.#byConnection.delete(event.connection);
        // A connection that was replaced has no meaning any more.
        if (client === undefined || (client.member !== null && client.connection !== event.connection))
          return;
        client.member = null;
        client.waitsSinceMs ??= event.at;
        return;
      }
      default:
    }
  }

  view(): ClientView[] {
    const offsetMs = this.#unixMs() - this.#now();
    return [...this.#clients.values()].map((client) => {
      const { id, role, qos, member, waitsSinceMs, gaps } = client;
      const waits = waitsSinceMs !== null && this.#now() - waitsSinceMs >= gapMsMin;
      const all = waits ? [...gaps, { startMs: waitsSinceMs, endMs: null }] : gaps;
      const shown = all.slice(-gapsMax).map(({ startMs, endMs }) => ({
        startMs: Math.round(startMs + offsetMs),
        endMs: endMs === null ? null : Math.round(endMs + offsetMs),
      }));
      return { id, role, qos, member, gaps: shown };
    });
  }

  #connect(clientId: string, connection: number, member: string): void {
    const [id, role, , qos] = clientName.exec(clientId) ?? [];
    if (id === undefined) return;
    let client = this.#clients.get(id);
    if (client === undefined) {
      if (this.#clients.size >= clientsMax) return;
      client = {
        id,
        role: role as Client['role'],
        qos: qos === undefined ? subscriptionQoS : (Number(qos) as QoS),
        member: null,
        connection: 0,
        open: new Set(),
        waitsSinceMs: null,
        gaps: [],
      };
      this.#clients.set(id, client);
    }
    this.#byConnection.set(connection, { client, member });
  }

  /** @param waitsOn whether the client still waits, so a new time of waiting begins */
  #progress(client: Client, atMs: number, waitsOn: boolean): void {
    const { waitsSinceMs, gaps } = client;
    if (waitsSinceMs !== null && atMs - waitsSinceMs >= gapMsMin) {
      gaps.push({ startMs: waitsSinceMs, endMs: atMs });
      if (gaps.length > gapsMax) gaps.shift();
    }
    client.waitsSinceMs = waitsOn ? atMs : null;
  }
}

function waitsForAcknowledgement({ role, qos }: Client): boolean {
  return role === 'publisher' && qos > 0;
}
