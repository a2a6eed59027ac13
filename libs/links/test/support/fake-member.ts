import { linkTopicPrefix } from '@mqtt-cluster/contracts';
import type {
  ClientEffect,
  ClientInput,
  MemberStatus,
  RefusalReason,
  SessionDetail,
  StateView,
  Subscription,
} from '@mqtt-cluster/contracts';
import type { LocalConnection, LocalMember } from '../../src/index.ts';

/** Fields of a session in the replicated state. */
type KnownSession = Partial<Pick<SessionDetail, 'owner' | 'home' | 'dropped' | 'queuedMessages'>>;

/** A member that opens each session at once. The test sets its state and ends its connections. */
export class FakeMember implements LocalMember {
  state: MemberStatus['state'] = 'serving';
  semantics = 4;
  /** Reads of the definitions: one for each round of decisions, and one for each report. */
  reads = 0;
  readonly definitions = new Map<string, object>();
  /** False: entries are not applied, as at a member that was paused and does not know the entries since then. */
  applies = true;
  /** Sessions whose entries were not applied. */
  readonly unconfirmed: string[] = [];
  /** The cluster refuses to open sessions for this reason. */
  refusal: RefusalReason | null = null;
  /** Reason codes of the subscriptions that the cluster refuses, by filter. */
  readonly refusedFilters = new Map<string, number>();
  /** Sessions that clients have left in the state. */
  readonly known = new Map<string, KnownSession>();
  role: MemberStatus['role'] = 'follower';
  readonly opened: string[] = [];
  readonly ended: string[] = [];
  readonly #homes = new Map<string, string>();
  readonly #subscriptions = new Map<string, Map<string, Subscription>>();
  readonly #connections = new Map<string, (effect: ClientEffect) => void>();

  connect(onEffect: (effect: ClientEffect) => void): LocalConnection {
    let client = '';
    return {
      input: (input) => {
        if (input.kind === 'connect') {
          ({ client } = input.request);
          const { refusal } = this;
          if (refusal !== null) {
            this.opened.push(client);
            return queueMicrotask(() => onEffect({ kind: 'refuse', connection: -1, reason: refusal }));
          }
          // The newest connection of a client id wins.
          this.#connections.get(client)?.({ kind: 'close', connection: -1, reason: 'takenOver' });
          this.#homes.set(client, 'm1');
          this.opened.push(client);
          this.#connections.set(client, onEffect);
          queueMicrotask(() =>
            onEffect({ kind: 'connack', connection: -1, epoch: 1, sessionPresent: false }),
          );
        } else this.#onInput(client, input);
      },
      release: () => this.#connections.delete(client),
    };
  }

  /** A former runner of the link has left subscriptions in a session. */
  leave(client: string, filters: readonly string[]): void {
    this.#subscriptions.set(client, new Map(filters.map((filter) => [filter, { filter, qos: 0 }])));
  }

  filters(client: string): string[] {
    return [...(this.#subscriptions.get(client)?.keys() ?? [])];
  }

  /** Another member opens the session. */
  takeOver(client: string): void {
    this.#homes.set(client, 'm2');
    this.#connections.get(client)!({ kind: 'close', connection: -1, reason: 'takenOver' });
  }

  /** The cluster delivers a message to a session. */
  deliver(client: string, qos: 0 | 1 = 1): void {
    const message = { topic: 'a/b', payload: new Uint8Array(), qos, retain: false } as const;
    const effect = { kind: 'deliver', connection: -1, message, qos, retain: false, dup: false } as const;
    this.#connections.get(client)!({ ...effect, packetId: qos });
  }

  status(): MemberStatus {
    const { state, semantics, role } = this;
    const peers = { m2: { state: 'serving' } };
    return { state, semantics, role, reason: '', peers } as unknown as MemberStatus;
  }

  view(): StateView {
    const session = (client: string): SessionDetail | undefined => {
      if (!this.opened.includes(client) && !this.known.has(client) && !this.#subscriptions.has(client))
        return undefined;
      const known = this.known.get(client) ?? {};
      const { owner = null, home = this.#homes.get(client) ?? null } = known;
      const { queuedMessages = 0, dropped = 0 } = known;
      const subscriptionList = [...(this.#subscriptions.get(client)?.values() ?? [])];
      return { owner, home, queuedMessages, dropped, subscriptionList } as unknown as SessionDetail;
    };
    const items = [...this.definitions].map(([name, definition], position) => ({
      index: position + 1,
      expiresInSeconds: null,
      message: {
        topic: linkTopicPrefix + name,
        payload: Buffer.from(JSON.stringify(definition)),
        qos: 1,
        retain: true,
      },
    }));
    return { session, retainedAfter: () => (this.reads++, { items, next: null }) } as unknown as StateView;
  }

  #onInput(client: string, input: ClientInput): void {
    if (input.kind === 'disconnect') {
      this.#homes.delete(client);
      this.ended.push(client);
    }
    if (input.kind === 'unsubscribe') {
      for (const filter of input.filters) this.#subscriptions.get(client)?.delete(filter);
      this.#confirm(client, input.packetId);
    }
    if (input.kind !== 'subscribe') return;
    const known = this.#subscriptions.get(client) ?? new Map<string, Subscription>();
    const codes = input.subscriptions.map(({ filter, qos }) => this.refusedFilters.get(filter) ?? qos);
    for (const [position, each] of input.subscriptions.entries())
      if (codes[position]! < 0x80) known.set(each.filter, each);
    this.#subscriptions.set(client, known);
    const { packetId } = input;
    queueMicrotask(() =>
      this.#connections.get(client)?.({ kind: 'suback', connection: -1, packetId, codes }),
    );
  }

  /** The cluster applies an entry only of the newest connection, and only with a majority. */
  #confirm(client: string, packetId: number): void {
    if (!this.applies) return void this.unconfirmed.push(client);
    const onEffect = this.#connections.get(client);
    queueMicrotask(() => onEffect?.({ kind: 'unsuback', connection: -1, packetId, existed: [false] }));
  }
}
