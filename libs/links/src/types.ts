import type {
  ClientEffect,
  ClientInput,
  EverySecond,
  LinkState,
  Logger,
  MemberId,
  MemberStatus,
  StateView,
} from '@mqtt-cluster/contracts';
import type { LinkDropReason, Metrics } from '@mqtt-cluster/metric-catalogue';

/** A client connection of a link inside the process of its member. */
export interface LocalConnection {
  input(input: ClientInput): void;
  /** No effect follows. */
  release(): void;
}

/** The member that a link belongs to. */
export interface LocalMember {
  connect(onEffect: (effect: ClientEffect) => void): LocalConnection;
  status(): MemberStatus;
  view(): StateView;
}

/** The answer of a peer to a question, see the appliance's questions between members. */
export type PeerAnswer =
  | { readonly outcome: 'answered'; readonly body: unknown }
  | { readonly outcome: 'failed' | 'unreachable' | 'tooOld' };

export interface LinkManagerOptions {
  readonly self: MemberId;
  /** The configured members, including this one. */
  readonly members: () => readonly MemberId[];
  readonly member: LocalMember;
  /** State of the connection to a peer. */
  readonly linkState: (peer: MemberId) => LinkState;
  /** Asks a peer for its {@link LinkReport} list. Never rejects. */
  readonly ask: (peer: MemberId, deadlineMs: number) => Promise<PeerAnswer>;
  /** Folder of the credential files. Empty: this member has none. */
  readonly directory: string;
  /** The largest packet that a member accepts, bytes. */
  readonly packetBytesMax: number;
  /** Name of the cluster: its links mark the messages with it. */
  readonly mark: string;
  /** Lowest semantics version in force with which links start. */
  readonly semantics: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Runs the decisions while there are no links. Default: a timer of the manager's own. */
  readonly everySecond?: EverySecond;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** The answer of the cluster to a packet of a link. */
export type PublishAnswer =
  | Extract<ClientEffect, { readonly packetId: number; readonly result: unknown }>
  | { readonly kind: 'pubcomp'; readonly packetId: number };

/** What happened on a link since this process began to run it. */
export interface LinkCounters {
  /** Messages that the other broker has acknowledged, and those of QoS 0 that were written. By QoS. */
  readonly sent: [number, number, number];
  /** Messages of the other broker that the cluster has committed, and those of QoS 0. By QoS. */
  readonly received: [number, number, number];
  readonly dropped: Record<LinkDropReason, number>;
  reconnects: number;
  /**
   * Messages that were sent again although the other end may have them: QoS 2 messages after the other broker had lost its
   * session, and messages that a stream may have stored before its duplicate window.
   */
  possibleDuplicates: number;
  /** Messages that the other end did not accept, and of which the cluster has a copy. They count as dropped, too. */
  keptAside: number;
}
