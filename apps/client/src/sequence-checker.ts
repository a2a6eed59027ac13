import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';

/** Holes remembered per stream; when there are more the oldest is forgotten, and counted as lost for good. */
const holesPerStreamMax = 1_000;
/** Streams (group, signal, QoS and run) remembered; then the one that was silent longest is forgotten. */
const streamsMax = 2_000;

/** Numbers from `from` to `to`, both included, that have not come. */
interface Hole {
  from: number;
  to: number;
}

interface Stream {
  readonly qos: QoS;
  readonly first: number;
  highest: number;
  /** Ascending, never touching. */
  readonly holes: Hole[];
}

export interface QosCounts {
  received: number;
  /** Numbers that were skipped and have not come since. */
  missing: number;
  /** Numbers that had come before. */
  duplicates: number;
  /** First arrivals after a higher number; each fills a hole, or lies before the first one seen. */
  outOfOrder: number;
}

export interface Verdict {
  readonly byQos: readonly [QosCounts, QosCounts, QosCounts];
  /** What the promise of its QoS rules out, in words; empty when all is well. */
  readonly violations: readonly string[];
  readonly streams: number;
}

/** What one message turned out to be. */
export type Finding = 'next' | 'first' | 'gap' | 'late' | 'duplicate';

/**
 * Checks numbered messages per (group, signal, QoS, run): holes, duplicates, order. The first number that
 * comes is where a stream begins for us. QoS 0 may lose, but nothing may come twice with QoS 2, and nothing
 * may stay missing with 1 and 2.
 */
export class SequenceChecker {
  readonly #streams = new Map<string, Stream>();
  readonly #counts: [QosCounts, QosCounts, QosCounts] = [newCounts(), newCounts(), newCounts()];

  observe(qos: QoS, { group, signal, run, number }: TelemetryPayload): Finding {
    const counts = this.#counts[qos];
    counts.received += 1;
    const key = JSON.stringify([group, signal, qos, run]);
    const stream = this.#streams.get(key);
    if (!stream) {
      this.#remember(key, { qos, first: number, highest: number, holes: [] });
      return 'first';
    }
    // The order of a Map is that of insertion: the stream that was silent longest is in front.
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    const finding = place(stream, number);
    if (finding === 'gap') this.#openHole(stream, number, counts);
    else if (finding === 'duplicate') counts.duplicates += 1;
    else if (finding === 'late') {
      counts.outOfOrder += 1;
      if (fill(stream.holes, number)) counts.missing -= 1;
    }
    stream.highest = Math.max(stream.highest, number);
    return finding;
  }

  verdict(): Verdict {
    const [atMostOnce, atLeastOnce, exactlyOnce] = this.#counts;
    const violations = [
      atMostOnce.duplicates > 0 && `QoS 0: ${atMostOnce.duplicates} came twice`,
      atLeastOnce.missing > 0 && `QoS 1: ${atLeastOnce.missing} missing`,
      exactlyOnce.missing > 0 && `QoS 2: ${exactlyOnce.missing} missing`,
      exactlyOnce.duplicates > 0 && `QoS 2: ${exactlyOnce.duplicates} came twice`,
      exactlyOnce.outOfOrder > 0 && `QoS 2: ${exactlyOnce.outOfOrder} out of order`,
    ].filter((violation) => violation !== false);
    return { byQos: structuredClone(this.#counts), violations, streams: this.#streams.size };
  }

  #openHole(stream: Stream, number: number, counts: QosCounts): void {
    stream.holes.push({ from: stream.highest + 1, to: number - 1 });
    counts.missing += number - 1 - stream.highest;
    if (stream.holes.length > holesPerStreamMax) stream.holes.shift();
  }

  #remember(key: string, stream: Stream): void {
    this.#streams.set(key, stream);
    if (this.#streams.size <= streamsMax) return;
    const [oldest] = this.#streams.keys();
    if (oldest !== undefined) this.#streams.delete(oldest);
  }
}

function newCounts(): QosCounts {
  return { received: 0, missing: 0, duplicates: 0, outOfOrder: 0 };
}

function place({ first, highest, holes }: Stream, number: number): Finding {
  if (number === highest + 1) return 'next';
  if (number > highest) return 'gap';
  // Sent before the first one we saw, and overtaken by it.
  if (number < first) return 'late';
  return holes.some(({ from, to }) => from <= number && number <= to) ? 'late' : 'duplicate';
}

/** Takes a number out of its hole, which may vanish or fall in two. @returns false when it is in none. */
function fill(holes: Hole[], number: number): boolean {
  const index = holes.findIndex(({ from, to }) => from <= number && number <= to);
  const hole = holes[index];
  if (!hole) return false;
  const parts = [
    { from: hole.from, to: number - 1 },
    { from: number + 1, to: hole.to },
  ].filter(({ from, to }) => from <= to);
  holes.splice(index, 1, ...parts);
  if (holes.length > holesPerStreamMax) holes.shift();
  return true;
}
