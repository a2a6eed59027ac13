import type { ClientId } from '@mqtt-cluster/contracts';

/** Takeovers of one client id within a short time from which its connects are delayed. */
const takeoversMin = 5;
/** Takeovers that count: the delay then has its longest value. */
const takeoversMax = 10;
/** Time in which one takeover is forgiven, ms. Two devices that wait for the longest delay stay above the minimum. */
const forgivenMs = 30_000;
const delayMsMin = 250;
const delayMsMax = 5_000;
/** Client ids that are remembered. The ones with the oldest takeover leave first. */
const clientsMax = 1_000;

interface Entry {
  takeovers: number;
  countedAtMs: number;
  /** Addresses of the last connections, the newest last; at most two. */
  addresses: string[];
}

/** A client id whose connections take over from each other again and again. */
export interface FlappingClient {
  readonly delayMs: number;
  /** Addresses of the last two connections at this member. The other device may be connected to another member. */
  readonly addresses: readonly string[];
}

/**
 * Finds client ids whose connections take over from each other again and again, usually because two devices have the
 * same id. Each connect of such an id is delayed, so that the takeovers cost the cluster little.
 */
export class FlappingClients {
  readonly #entries = new Map<ClientId, Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** A connection at this member ended because the client id has connected again, at any member. */
  onTakenOver(client: ClientId, address: string, nowMs: number): void {
    const entry = this.#entries.get(client) ?? { takeovers: 0, countedAtMs: nowMs, addresses: [] };
    this.#forgive(entry, nowMs);
    entry.takeovers = Math.min(takeoversMax, entry.takeovers + 1);
    addAddress(entry, address);
    this.#entries.delete(client);
    this.#entries.set(client, entry);
    if (this.#entries.size > clientsMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
  }

  /** Returns how long the connect of a client waits; null if it does not wait. */
  onConnect(client: ClientId, address: string, nowMs: number): FlappingClient | null {
    const entry = this.#entries.get(client);
    if (entry === undefined) return null;
    this.#forgive(entry, nowMs);
    addAddress(entry, address);
    if (entry.takeovers < takeoversMin) return null;
    const delayMs = Math.min(delayMsMax, delayMsMin * 2 ** (entry.takeovers - takeoversMin));
    return { delayMs, addresses: entry.addresses };
  }

  /** Forgets the client ids whose takeovers are forgiven. */
  sweep(nowMs: number): void {
    for (const [client, entry] of this.#entries) {
      this.#forgive(entry, nowMs);
      if (entry.takeovers === 0) this.#entries.delete(client);
    }
  }

  #forgive(entry: Entry, nowMs: number): void {
    const forgiven = Math.floor((nowMs - entry.countedAtMs) / forgivenMs);
    if (forgiven <= 0) return;
    entry.takeovers = Math.max(0, entry.takeovers - forgiven);
    entry.countedAtMs += forgiven * forgivenMs;
  }
}

function addAddress(entry: Entry, address: string): void {
  entry.addresses = [...entry.addresses.filter((each) => each !== address), address].slice(-2);
}
