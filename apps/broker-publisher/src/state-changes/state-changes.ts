import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { apiSessionPrefix } from '@mqtt-cluster/contracts';
import type {
  ClientEffect,
  ClientId,
  ConnectionAccess,
  ConnectionId,
  ConnectRequest,
  Member,
  MemberStatus,
  SessionInfo,
  StateView,
} from '@mqtt-cluster/contracts';
import { internalListeners } from '../authentication/internal-listeners.ts';
import type { MemberRunner } from '../node/member-runner.ts';
import { internalConnectionIds } from './internal-connection-ids.ts';
import { InternalConnection } from './internal-connection.ts';
import type { PublishMessage } from './internal-connection.ts';
import { refused, StateChangeError } from './state-change-error.ts';

/** Upper bound of the changes in progress. Further requests are refused. */
const changesMax = 32;
/** Upper bound of the publishes of one change that wait for the cluster. More would fill batches of clients. */
const publishesInFlightMax = 64;
/** A client that reconnects at once can take over the connection of a deletion. Then the deletion is repeated. */
const deleteAttemptsMax = 3;
/** Interval at which a change reads the state of the member, ms. */
const pollMs = 10;
/** Time that a change waits for an election, or for its last command, ms. */
const appliedMsMax = 5_000;

export interface PublishOutcome {
  /** True if no session of the cluster has a matching subscription, as far as the member knows. */
  readonly noSubscribers: boolean;
}

/**
 * Changes the replicated state for requests of operators, by connections inside this process. A change uses only the
 * commands that clients use: Clean Start deletes a session [5.0 MQTT-3.1.2-4], and an empty retained message deletes a
 * retained message [MQTT-3.3.1-6]. So the wills of a deleted session follow MQTT as well.
 *
 * Each call resolves when this member has applied the change, and rejects with a {@link StateChangeError} otherwise.
 * The caller checks topics, sizes and the caller's access rules.
 */
export class StateChanges {
  readonly #member: Pick<MemberRunner, 'input' | 'readMember' | 'status'>;
  readonly #connections = new Map<ConnectionId, InternalConnection>();
  readonly #nextConnection: () => ConnectionId;
  #changes = 0;

  constructor(
    member: Pick<MemberRunner, 'input' | 'readMember' | 'status'>,
    nextConnection = internalConnectionIds(),
  ) {
    this.#member = member;
    this.#nextConnection = nextConnection;
  }

  /** Receives the effects of each turn of the member. */
  onEffects(effects: readonly ClientEffect[]): void {
    if (this.#connections.size === 0) return;
    for (const effect of effects)
      if (effect.connection < 0) this.#connections.get(effect.connection)?.onEffect(effect);
  }

  /**
   * Deletes the session of a client with its subscriptions and queue. A connected client is disconnected. Its will is
   * published, because the end of a session ends the will delay [5.0 MQTT-3.1.2-8].
   * @returns false if the client has no session
   */
  deleteSession(client: ClientId): Promise<boolean> {
    return this.#change(async () => {
      for (let attempt = 1; ; attempt++) {
        const session = this.#view.session(client);
        if (session === undefined) return attempt > 1;
        try {
          await this.#replaceSession(session);
          return true;
        } catch (error) {
          const isTakenOver = error instanceof StateChangeError && error.refusal === 'takenOver';
          if (!isTakenOver || attempt === deleteAttemptsMax) throw error;
        }
      }
    });
  }

  /**
   * Deletes the retained messages of these topics. Topics without a retained message are skipped. A rejected call may
   * have deleted some of them.
   * @param access the user of the request
   * @returns the number of the deleted messages
   */
  deleteRetained(topics: Iterable<string>, access?: ConnectionAccess): Promise<number> {
    return this.#withPublisher(access, async (connection) => {
      const waiting = new Set<Promise<unknown>>();
      let failure: unknown = null;
      let deleted = 0;
      for (const topic of topics) {
        if (this.#view.retained(topic) === undefined) continue;
        const publish = connection
          .publish({ topic, payload: new Uint8Array(), qos: 1, retain: true })
          .then(() => deleted++)
          .catch((error: unknown) => (failure ??= error))
          .finally(() => waiting.delete(publish));
        waiting.add(publish);
        if (waiting.size >= publishesInFlightMax) await Promise.race(waiting);
        if (failure !== null) break;
      }
      await Promise.all(waiting);
      if (failure !== null) throw failure;
      return deleted;
    });
  }

  /**
   * Publishes a message. A message of QoS 0 has no acknowledgement, so its call resolves when the member has it.
   * @param access the user of the request. A retained message counts for the user's share.
   */
  publish(message: PublishMessage, access?: ConnectionAccess): Promise<PublishOutcome> {
    return this.#withPublisher(access, async (connection) => ({
      noSubscribers: (await connection.publish(message)) === 'noSubscribers',
    }));
  }

  get #view(): StateView {
    return this.#member.readMember((member: Member) => member.view());
  }

  /** Runs a change, if the member has a majority and not too many changes are in progress. */
  async #change<Result>(run: () => Promise<Result>): Promise<Result> {
    if (this.#changes >= changesMax)
      throw new StateChangeError('too many changes are in progress: repeat the request later', {
        later: true,
      });
    this.#changes++;
    try {
      const { state, leader } = await this.#statusAfterElection();
      if (state === 'joining') throw refused('notServing');
      if (state === 'draining') throw refused('draining');
      if (state === 'isolated' || leader === null) throw refused('isolated');
      return await run();
    } finally {
      this.#changes--;
    }
  }

  async #withPublisher<Result>(
    access: ConnectionAccess | undefined,
    run: (connection: InternalConnection) => Promise<Result>,
  ): Promise<Result> {
    return this.#change(async () => {
      const client = `${apiSessionPrefix}${this.#member.status().id}/${randomUUID()}`;
      const connection = await this.#connect({ ...cleanSession(client), ...(access && { access }) });
      try {
        return await run(connection);
      } finally {
        connection.end();
      }
    });
  }

  /** Returns the status when the member has a leader again, is isolated, or the time of a change is over. */
  async #statusAfterElection(): Promise<Pick<MemberStatus, 'state' | 'leader'>> {
    const deadlineMs = performance.now() + appliedMsMax;
    for (;;) {
      const status = this.#member.status();
      if (status.state !== 'serving' || status.leader !== null || performance.now() >= deadlineMs)
        return status;
      await delay(pollMs);
    }
  }

  /** Opens a new session in place of the client's session, and ends the new session. */
  async #replaceSession({ client, owner }: SessionInfo): Promise<void> {
    const connection = await this.#connect({
      ...cleanSession(client),
      ...(owner !== null && { access: accessOf(owner) }),
    });
    const opened = this.#view.session(client);
    connection.end();
    if (opened?.atHome?.connection !== connection.id) return;
    const deadlineMs = performance.now() + appliedMsMax;
    while (this.#view.session(client)?.epoch === opened.epoch) {
      if (performance.now() >= deadlineMs) {
        const text = 'the session has lost its content, but its end is not yet applied: read the state again';
        throw new StateChangeError(text, { later: true });
      }
      await delay(pollMs);
    }
  }

  /** Opens a connection. Rejects if the member has accepted it without the cluster. */
  async #connect(request: ConnectRequest): Promise<InternalConnection> {
    const id = this.#nextConnection();
    const connection = new InternalConnection(
      id,
      (input) => this.#member.input(id, input),
      () => this.#connections.delete(id),
    );
    this.#connections.set(id, connection);
    await connection.open(request);
    const session = this.#view.session(request.client);
    if (session?.atHome?.connection === id && session.epoch === 0) {
      connection.end();
      throw refused('isolated');
    }
    return connection;
  }
}

function cleanSession(client: ClientId): ConnectRequest {
  return { client, clean: true, sessionExpirySeconds: 0, receiveMaximum: 1, reportsNoSubscribers: true };
}

/**
 * Returns the access of the owner of a session, because no other user may open it. The source is not `cluster`: the
 * session of a deleted user of the cluster can be deleted, too.
 */
function accessOf(user: string): ConnectionAccess {
  return { source: 'passwordFile', user, address: '', listener: internalListeners.stateChanges };
}
