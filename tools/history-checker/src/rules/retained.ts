import type { RetainedViewEvent } from '../history/events.ts';
import { formatSeconds } from '../analysis/analysis.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { Report } from '../report.ts';
import type { Rule } from './rule.ts';
import { retainedExpectations } from '../analysis/retained-expectations.ts';
import { retainedObservations } from '../analysis/retained-observations.ts';
import { RetainedWrites } from '../analysis/retained-writes.ts';

/**
 * After the run has settled, all servers send the same retained messages. No server sends a message that a
 * majority-acknowledged write must have replaced. New subscriptions receive the retained messages of their
 * topics. No server sends a retained message of a topic that was cleared longer ago than P5's bound.
 */
export const retained: Rule = {
  name: 'retained',
  promise: 'P5',
  clause: 'MQTT-3.3.1-5, MQTT-3.3.1-6, MQTT-3.3.1-10',
  check: (analysis, report) => {
    checkEqual(analysis, report);
    checkLastWrites(analysis, report);
    checkNewSubscriptions(analysis, report);
    for (const { message, replacement, connection, atMs } of retainedObservations(analysis)) {
      report.checked();
      if (replacement === null || !analysis.tables.messages.isClear(replacement)) continue;
      report.addViolation(
        () =>
          `${connection.connect.server} sent ${analysis.message(message)} as retained at ${formatSeconds(atMs)}, ` +
          `although ${analysis.message(replacement)} had removed it`,
      );
    }
  },
};

function checkNewSubscriptions(analysis: Analysis, report: Report): void {
  for (const { subscription, topic, isDelivered, allowanceMs } of retainedExpectations(analysis)) {
    report.checked();
    report.inTime(0, allowanceMs);
    if (isDelivered) continue;
    const { session, connection, filter, at } = subscription;
    report.addViolation(
      () =>
        `${session.client.id} subscribed to ${filter} on ${connection.connect.server} at ${formatSeconds(at)} and did not ` +
        `receive the retained message of ${analysis.tables.topics.name(topic)}`,
    );
  }
}

function mapOf({ messages }: RetainedViewEvent): Map<string, number> {
  // Topics that begin with `$` differ between servers [MQTT 4.7.2].
  return new Map(messages.filter(([topic]) => !topic.startsWith('$')));
}

function checkEqual({ tables }: Analysis, report: Report): void {
  const [first, ...others] = tables.views;
  if (!first) return;
  const expected = mapOf(first);
  for (const view of others) {
    const served = mapOf(view);
    for (const topic of new Set([...expected.keys(), ...served.keys()])) {
      report.checked();
      const here = served.get(topic);
      const there = expected.get(topic);
      if (here === there) continue;
      report.addViolation(
        () =>
          `retained message of ${topic} at the end: ${nameOf(here)} on ${view.server}, ${nameOf(there)} on ${first.server}`,
      );
    }
  }
}

function nameOf(message: number | undefined): string {
  return message === undefined ? 'none' : `message ${message}`;
}

/** Checks the final retained messages of each topic. A message that several servers send is checked once. */
function checkLastWrites(analysis: Analysis, report: Report): void {
  const { tables } = analysis;
  const writes = new RetainedWrites(analysis);
  const { views } = tables;
  const known = new Set([...writes.topics()].map((topic) => tables.topics.name(topic)));
  for (const view of views) {
    for (const [topic, id] of mapOf(view)) {
      if (
        known.has(topic) &&
        !writes.writes(tables.topics.index(topic)).some((row) => tables.messages.id(row) === id)
      ) {
        report.addViolation(
          () =>
            `retained message of ${topic} at the end: message ${id} on ${view.server}, ` +
            'which was never published on this topic',
        );
      }
    }
  }
  for (const topic of writes.topics()) {
    const name = tables.topics.name(topic);
    const served = new Map(views.map((view) => [mapOf(view).get(name), view]));
    for (const [id, view] of served) {
      report.checked();
      checkLastWrite(analysis, report, { writes, topic, id, view });
    }
  }
}

/** The retained message of one topic at the end of the run. */
interface FinalValue {
  readonly writes: RetainedWrites;
  readonly topic: number;
  /** Id of the retained message; undefined if the server sent no retained message of the topic. */
  readonly id: number | undefined;
  readonly view: RetainedViewEvent;
}

/**
 * Checks that no majority-acknowledged write is newer than the final retained message of a topic. If a server
 * sends no retained message of the topic, the last write must have been a clear, or no client may have set
 * the topic.
 */
function checkLastWrite(analysis: Analysis, report: Report, { writes, topic, id, view }: FinalValue): void {
  const { messages, topics } = analysis.tables;
  const candidates = writes
    .writes(topic)
    .filter((row) => (id === undefined ? messages.isClear(row) : messages.id(row) === id));
  if (id !== undefined && candidates.length === 0) return;
  const replacements = candidates.map((row) => writes.replacementOf(row, view.at));
  if (replacements.includes(null)) return;
  const never = id === undefined ? writes.anyMajorityWrite(topic, view.at) : null;
  // The last candidate is the newest.
  const later = replacements.at(-1) ?? never;
  if (later === null || later === undefined) return;
  const value = id === undefined ? 'none' : analysis.message(candidates[0] as number);
  report.addViolation(
    () =>
      `retained message of ${topics.name(topic)} at the end: ${value} on ${view.server}, ` +
      `although ${analysis.message(later)} was written later`,
  );
}
