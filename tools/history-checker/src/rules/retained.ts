import type { RetainedView } from '../history/events.ts';
import { seconds } from '../analysis/analysis.ts';
import type { Facts } from '../analysis/analysis.ts';
import type { Report, Rule } from '../report.ts';
import { retainedShowings } from '../analysis/retained-expectations.ts';
import { retainedSightings } from '../analysis/retained-observations.ts';
import { RetainedWrites } from '../analysis/retained-writes.ts';

/**
 * When all has settled, all servers serve the same, and nothing that an acknowledged write has certainly replaced; new
 * subscribers are shown what there is; and at no time does a topic come back that had been cleared for longer than P5's bound.
 */
export const retained: Rule = {
  name: 'retained',
  promise: 'P5',
  clause: 'MQTT-3.3.1-5, MQTT-3.3.1-6, MQTT-3.3.1-10',
  judge: (facts, report) => {
    checkEqual(facts, report);
    checkLastWrites(facts, report);
    checkShowings(facts, report);
    for (const { message, replacer, connection, atMs } of retainedSightings(facts)) {
      report.checked();
      if (replacer === null || !facts.book.messages.isClear(replacer)) continue;
      report.violate(
        () =>
          `${connection.connect.server} served ${facts.message(message)} as retained at ${seconds(atMs)}, ` +
          `after ${facts.message(replacer)}`,
      );
    }
  },
};

function checkShowings(facts: Facts, report: Report): void {
  for (const { subscription, topic, isShown, allowanceMs } of retainedShowings(facts)) {
    report.checked();
    report.inTime(0, allowanceMs);
    if (isShown) continue;
    const { session, connection, filter, at } = subscription;
    report.violate(
      () =>
        `${session.client.id} subscribed to ${filter} on ${connection.connect.server} at ${seconds(at)} and was not ` +
        `shown what was retained on ${facts.book.topics.name(topic)}`,
    );
  }
}

function mapOf({ messages }: RetainedView): Map<string, number> {
  // What a server says about itself differs by intention [MQTT 4.7.2].
  return new Map(messages.filter(([topic]) => !topic.startsWith('$')));
}

function checkEqual({ book }: Facts, report: Report): void {
  const [first, ...others] = book.views;
  if (!first) return;
  const expected = mapOf(first);
  for (const view of others) {
    const served = mapOf(view);
    for (const topic of new Set([...expected.keys(), ...served.keys()])) {
      report.checked();
      const here = served.get(topic) ?? 'nothing';
      const there = expected.get(topic) ?? 'nothing';
      if (here !== there) {
        report.violate(
          () => `${topic} is ${here} on ${view.server} and ${there} on ${first.server} in the end`,
        );
      }
    }
  }
}

/** Of each value once, however many servers serve it. */
function checkLastWrites(facts: Facts, report: Report): void {
  const { book } = facts;
  const writes = new RetainedWrites(facts);
  const { views } = book;
  const known = new Set([...writes.topics()].map((topic) => book.topics.name(topic)));
  for (const view of views) {
    for (const [topic, id] of mapOf(view)) {
      if (
        known.has(topic) &&
        !writes.writes(book.topics.index(topic)).some((row) => book.messages.id(row) === id)
      ) {
        report.violate(
          () => `${view.server} serves message ${id} on ${topic}, which was never written there`,
        );
      }
    }
  }
  for (const topic of writes.topics()) {
    const name = book.topics.name(topic);
    const served = new Map(views.map((view) => [mapOf(view).get(name), view]));
    for (const [id, view] of served) {
      report.checked();
      checkLastWrite(facts, report, { writes, topic, id, view });
    }
  }
}

interface Served {
  readonly writes: RetainedWrites;
  readonly topic: number;
  /** Undefined for nothing. */
  readonly id: number | undefined;
  readonly view: RetainedView;
}

/** It must be a write that no acknowledged one has certainly replaced; nothing is one that cleared, or the beginning. */
function checkLastWrite(facts: Facts, report: Report, { writes, topic, id, view }: Served): void {
  const { messages, topics } = facts.book;
  const candidates = writes
    .writes(topic)
    .filter((row) => (id === undefined ? messages.isClear(row) : messages.id(row) === id));
  if (id !== undefined && candidates.length === 0) return;
  const replacers = candidates.map((row) => writes.replacer(row, view.at));
  if (replacers.includes(null)) return;
  const never = id === undefined ? writes.anyCertain(topic, view.at) : null;
  // The last of them was the newest to be replaced.
  const later = replacers.at(-1) ?? never;
  if (later === null || later === undefined) return;
  const what = id === undefined ? 'nothing' : facts.message(candidates[0] as number);
  report.violate(
    () =>
      `${view.server} serves ${what} on ${topics.name(topic)} in the end, though ${facts.message(later)} came later`,
  );
}
