/**
 * The history of a run, and a checker of MQTT semantics that reads nothing else.
 *
 * A history is a file of JSON lines that recording clients write while they load a cluster or a broker: each CONNECT, PUBLISH,
 * acknowledgement, subscription and delivery with its time, each injected fault with its beginning and end, and once a second
 * how busy the machine was (`history/events.ts`). The checker never asks the target, and it imports no other package of this
 * repository: a bug of the product can't hide itself by being in the checker, too.
 *
 * The checker reads a history once into tables (`tables/`), derives what several rules need (`analysis/`), and lets each rule
 * report its violations (`rules/`):
 *
 * - `acked-but-lost`: an acknowledged message comes to every session that had subscribed before (P1, P2).
 * - `qos2-duplicate`: a session delivers a QoS 2 message once (P2).
 * - `order`: messages of one publisher, topic and QoS are delivered in the order of sending (P2).
 * - `session-lost`: a session that was neither ended nor expired is present on every server (P3).
 * - `retained`: all servers send the same retained messages, and no replaced one (P5).
 * - `will`: one will after each end without DISCONNECT, in time; none otherwise (P6).
 * - `two-connections`: a takeover closes the older connection in time (P4).
 * - `ack-taken-back`: an acknowledged retained message or PUBREC is not forgotten (P1).
 * - `phantom`: every delivery was published, and matches a subscription at its QoS (P2).
 * - `served`: servers without a fault answer and deliver in time (P7, P8).
 * - `qos0-lost`: servers without a fault lose almost no QoS 0 message (P7).
 * - `crash`: no member ends by itself (P9).
 *
 * Rules are strict about facts and careful about causes. A message whose fate a fault explains (a degraded acknowledgement on a
 * wiped disk, a queue at its bound) is excused, not violated, and the verdict counts it. Bounds of time are extended by the
 * delays that the machine itself caused, which the history contains (`analysis/host-load.ts`, `analysis/observed-lag.ts`).
 * A rule that had nothing to check is shown as "not exercised": it proves nothing.
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
