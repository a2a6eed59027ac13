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

/** A connection that has taken over another one, whose home has not reported yet. */
interface Takeover {
  readonly connection: Connection;
  readonly untilMs: number;
  /** Admits the client. Called when the report about the former connection is applied. */
  readonly onSettled: (sessionEnded: boolean) => void;
  reported: boolean;
}

type TakeoverSettled = Extract<StateEffect, { kind: 'takeoverSettled' }>;
type ConnectionEnded = Extract<StateEffect, { kind: 'connectionEnded' }>;

/**
 * Settles the takeovers of connections (docs/DESIGN.md, "Wills" and "Sessions and queues").
 *
 * When an `open` takes over a connection, the state keeps its will. The home of the former connection reports with
 * a `close` command how the connection ended. Only this home has received a DISCONNECT that the client may have
 * sent, which discards the will or ends the session. The new home sends CONNACK after the report, so that the will
 * precedes everything that the new connection publishes, and Session Present is right. If the former home is
 * unreachable, the new home reports for it. The first report counts, so the will is published at most once.
 */
export class Takeovers {
  readonly #context: MemberContext;
  readonly #proposer: Proposer;
  readonly #peers: Peers;
  readonly #pending = new Map<ClientId, Takeover>();
  /** Sessions that were ended by the entry that contains the `open`, by client: the epoch of the `open`. */
  readonly #endedAtOnce = new Map<ClientId, Epoch>();
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
  begin(connection: Connection, onSettled: Takeover['onSettled']): void {
    const untilMs = this.#context.nowMs + reportMsMax;
    this.#pending.set(connection.client, { connection, untilMs, onSettled, reported: false });
  }

  /** Reports, as the home of the former connection, how a connection ended that was taken over. */
  report(client: ClientId, epoch: Epoch, how: 'open' | 'moved'): void {
    if (this.#context.state.session(client)?.takenOver?.epoch !== epoch) return;
    const publishes = (how === 'open' && !this.isDraining) || this.#publishesInDoubt;
    this.#proposer.add({ kind: 'close', client, epoch, graceful: !publishes });
  }

  /**
   * Returns whether no report can be expected from the home of the connection that an `open` will take over.
   * @param isOpenHere whether this home has an open connection of the client
   */
  lacksReport(client: ClientId, isOpenHere: boolean): boolean {
    const { state, options } = this.#context;
    const home = state.session(client)?.home;
    if (home === null || home === undefined) return false;
    // A connection of this incarnation that is not open here has ended, and its `close` precedes the `open`. By then
    // another member may have opened the session, which this member has not applied yet.
    const { storeId, incarnation } = options.recovered;
    if (home.member === options.id && home.storeId === storeId && home.incarnation === incarnation)
      return false;
    if (home.member === options.id) return !isOpenHere;
    const current = state.proposer(home.member);
    return current?.incarnation !== home.incarnation || !this.#mayReport({ ...current, member: home.member });
  }

  settled({ client, sessionEnded }: TakeoverSettled): void {
    const takeover = this.#pending.get(client);
    const session = this.#context.state.session(client);
    if (takeover === undefined || session?.epoch !== takeover.connection.epoch) {
      // The entry of the `open` contains the report as well, and this home has not yet handled the `open`.
      if (sessionEnded === true && session !== undefined) this.#endedAtOnce.set(client, session.epoch);
      return;
    }
    this.#pending.delete(client);
    takeover.onSettled(sessionEnded === true);
  }

  /** Returns whether the report in the entry of this `open` has ended the session that the `open` resumed. */
  hasEndedAtOnce(client: ClientId, epoch: Epoch): boolean {
    return this.#endedAtOnce.get(client) === epoch;
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
    this.#endedAtOnce.clear();
    if (this.#pending.size === 0) return;
    const { nowMs, state } = this.#context;
    for (const [client, takeover] of this.#pending) {
      const takenOver = state.session(client)?.takenOver;
      if (!takenOver || takeover.reported) continue;
      if (nowMs < takeover.untilMs && this.#mayReport(takenOver.home)) continue;
      takeover.reported = true;
      const graceful = !this.#publishesInDoubt;
      this.#proposer.add({ kind: 'close', client, epoch: takenOver.epoch, graceful });
    }
  }

  clear(): void {
    this.#pending.clear();
    this.#endedAtOnce.clear();
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
