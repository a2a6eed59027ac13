import type { ClientEffect, MemberEvent } from '@mqtt-cluster/contracts';
import type { MqttState } from '@mqtt-cluster/mqtt-state';
import type { ClusterClock } from './log/cluster-clock.ts';
import type { StatePages } from './log/state-pages.ts';
import type { SemanticsVersion } from './log/semantics-version.ts';
import type { MemberOptions } from './options.ts';

/** The data that all parts of one member share. Installing a snapshot replaces `state`. */
export interface MemberContext {
  /** From the first turn on without the contents that were recovered from disk. */
  options: MemberOptions;
  readonly semantics: SemanticsVersion;
  state: MqttState;
  readonly pages: StatePages;
  nowMs: number;
  readonly clock: ClusterClock;
  /** True while this member is isolated (docs/DESIGN.md, "Loss of quorum"). */
  isolated: boolean;
  /** True while this member acknowledges messages from its own disk alone. */
  acceptsIsolated: boolean;
  /** True while this member follows a leader, or leads, and is not isolated. */
  hasMajority: boolean;
  effects: ClientEffect[];
  events: MemberEvent[];
}
