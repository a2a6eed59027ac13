import type { ClientId, Epoch } from '@mqtt-cluster/contracts';
import type { StateEffect } from '@mqtt-cluster/mqtt-state';
import type { MemberContext } from '../../context.ts';
import type { Peers } from '../../cluster/peers.ts';
import type { Proposer } from '../../log/proposer.ts';
import type { Connection } from './connection.ts';

/**
 * How long a new home waits until the former home has reported how the former connection ended. A higher
 * value delays CONNACK when the former home has died silently. A lower value loses wills of busy homes.
 */
const reportMsMax = 500;

/** A connection that has taken over a connection with a will. */
interface Takeover {
  readonly connection: Connection;
  readonly untilMs: number;
  /** Admits the client. Called when the will of the former connection is published or discarded. */
  readonly onSettled: () => void;
  reported: boolean;
}

type ConnectionEnded = Extract<StateEffect, { kind: 'connectionEnded' }>;

/**
 * Settles the wills of connections that were taken over (docs/DESIGN.md, "Wills").
 *
 * When an `open` takes over a connection with a will, the state keeps that will. The home of the former
 * connection reports with a `close` command how the connection ended. Only this home has received a DISCONNECT
 * that the client may have sent. The new home sends CONNACK after the report, so that the will precedes
 * everything that the new connection publishes. If the former home is unreachable, the new home reports for
 * it. The first report counts, so the will is published at most once.
 */
export class Takeovers {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #peers: Peers;
  readonly #pending = new Map<ClientId, Takeover>();
  /** True while this member drains: it is about to move its clients to other servers. */
  isDraining = false;

  constructor(context: MemberContext, parts: { proposer: Proposer; peers: Peers }) {
    this.#context = context;
    this.#proposer = parts.proposer;
    this.#peers = parts.peers;
  }

  /** Whether the connection waits for the settlement. */
  isPending(connection: Connection): boolean {
    return this.#pending.get(connection.client)?.connection === connection;
  }

  /** Begins to wait for the report about the connection that this connection has taken over. */
  begin(connection: Connection, onSettled: () => void): void {
    const untilMs = this.#context.nowMs + reportMsMax;
    this.#pending.set(connection.client, { connection, untilMs, onSettled, reported: false });
  }

  /** Reports, as the home of the former connection, how a connection ended that was taken over. */
  report(client: ClientId, epoch: Epoch, how: 'open' | 'moved'): void {
    if (this.#context.state.session(client)?.takenOverWill?.epoch !== epoch) return;
    const publishes = (how === 'open' && !this.isDraining) || this.#publishesInDoubt;
    this.#proposer.add({ kind: 'close', client, epoch, graceful: !publishes });
  }

  settled(client: ClientId): void {
    const takeover = this.#pending.get(client);
    const session = this.#context.state.session(client);
    if (takeover === undefined || session?.epoch !== takeover.connection.epoch) return;
    this.#pending.delete(client);
    takeover.onSettled();
  }

  /** @returns the connection that waited for the settlement and has ended itself */
  ended(effect: ConnectionEnded): Connection | undefined {
    const connection = this.#pending.get(effect.client)?.connection;
    if (connection?.epoch !== effect.epoch) return undefined;
    this.#pending.delete(effect.client);
    return connection;
  }

  /** Reports for former homes that are unreachable or do not report in time. Called once a turn. */
  flush(): void {
    if (this.#pending.size === 0) return;
    const { nowMs, state } = this.#context;
    for (const [client, takeover] of this.#pending) {
      const takenOver = state.session(client)?.takenOverWill;
      if (!takenOver || takeover.reported) continue;
      if (nowMs < takeover.untilMs && this.#mayReport(takenOver.home)) continue;
      takeover.reported = true;
      const graceful = !this.#publishesInDoubt;
      this.#proposer.add({ kind: 'close', client, epoch: takenOver.epoch, graceful });
    }
  }

  clear(): void {
    this.#pending.clear();
  }

  /** Returns whether a report of the former home may still arrive, and may differ from that of this home. */
  #mayReport({
    member,
    storeId,
    incarnation,
  }: {
    member: string;
    storeId: string;
    incarnation: number;
  }): boolean {
    const { state, options } = this.#context;
    const current = state.proposer(member);
    if (current?.storeId !== storeId || current.incarnation !== incarnation) return false;
    if (member === options.id) return true;
    if (this.#peers.links.get(member) !== 'up') return false;
    return this.#publishesInDoubt || this.#peers.hellos.get(member)?.state !== 'draining';
  }

  get #publishesInDoubt(): boolean {
    return this.#context.options.willAfterFailover === 'publish';
  }
}
