/**
 * The history of a run, and a checker of MQTT semantics whose only input is a history.
 *
 * A history is a file of JSON lines that recording clients write while they load a cluster or a broker: each
 * CONNECT, PUBLISH, acknowledgement, subscription and delivery with its time, each injected fault with its
 * beginning and end, and once a second the load of the machine (`history/events.ts`). The checker never
 * queries the target, and it imports no other package of this repository. So a bug of the product can't be in
 * the checker, too, and stay hidden.
 *
 * The checker reads a history once into tables (`tables/`), derives what several rules need (`analysis/`),
 * and lets each rule report its violations (`rules/`):
 *
 * - `acked-but-lost`: an acknowledged message is delivered to every session that had subscribed before (P1,
 *   P2).
 * - `qos2-duplicate`: a session delivers a QoS 2 message once (P2).
 * - `order`: messages of one publisher, topic and QoS are delivered in the order of sending (P2).
 * - `session-lost`: a session that was neither ended nor expired is present on every server (P3).
 * - `retained`: all servers send the same retained messages, and no server sends a replaced one (P5).
 * - `will`: one will is published, in time, after each end of a connection without DISCONNECT, and only then
 *   (P6).
 * - `two-connections`: a takeover closes the older connection in time (P4).
 * - `ack-taken-back`: no server loses an acknowledged retained message, or the packet id of a PUBREC (P1).
 * - `phantom`: every delivered message was published, and matches a subscription and its QoS (P2).
 * - `served`: servers without a fault answer and deliver in time (P7, P8).
 * - `qos0-lost`: servers without a fault lose almost no QoS 0 message (P7).
 * - `qos0-duplicate`: a session receives a QoS 0 message once (P2).
 * - `message-expiry`: no message is delivered after its expiry or with too long an interval, and no message
 *   is skipped before its expiry (P2).
 * - `cluster-time`: wills, sessions and messages expire in time although members are killed or stopped (P2, P3,
 *   P6).
 * - `receive-maximum`: no client receives more unacknowledged messages than its Receive Maximum (P2).
 * - `shared-once`: one subscriber of a group receives a message, until its connection ends (P2).
 * - `across-link`: a message passes a link between the cluster and another broker in time; repeated QoS 1 messages are
 *   counted (P2, P7).
 * - `crash`: no member exits unexpectedly (P9).
 *
 * A loss that a documented exception allows (a degraded acknowledgement on a wiped disk, a queue at its
 * bound) is no violation; the verdict counts it as an exception. The rules extend their time bounds by the
 * delays of a busy machine, which the history records (`analysis/host-load.ts`, `analysis/observed-lag.ts`).
 * The verdict shows a rule that had nothing to check as "not exercised": that rule is no evidence that the
 * promise was kept.
 */
export { createChecker } from './checker.ts';
export type { Checker } from './checker.ts';
export { historyFormat } from './history/events.ts';
export type * from './history/events.ts';
export { HistoryError } from './history/history-error.ts';
export { defaultLimits } from './history/limits.ts';
export { readHistory } from './history/reader.ts';
export type { HistorySink } from './history/reader.ts';
export { createHistoryWriter } from './history/writer.ts';
export type { HistoryWriter } from './history/writer.ts';
export { checkHistoryFile } from './check-file.ts';
export type { CheckedFile } from './check-file.ts';
export { rules } from './rules/rules.ts';
export { renderVerdict } from './verdict-table.ts';
export type { Allowance, Finding, RuleVerdict, Verdict } from './verdict.ts';
