import type { QoS, TelemetryPayload } from '@mqtt-cluster/contracts';

/**
 * Upper bound of the gaps per stream. Beyond it the oldest gap is dropped, and its sequence numbers stay
 * counted as missing.
 */
const gapsPerStreamMax = 1_000;
/** Upper bound of the streams (group, signal, QoS and run). Beyond it the least recently active stream is dropped. */
const streamsMax = 2_000;

/** A range of missing sequence numbers, from `from` to `to`, both included. */
interface Gap {
  from: number;
  to: number;
}

interface Stream {
  readonly qos: QoS;
  readonly first: number;
  highest: number;
  /** The gaps of the stream in ascending order. Two gaps are never adjacent. */
  readonly gaps: Gap[];
}

export interface QosCounts {
  received: number;
  /** Count of the skipped sequence numbers that were not received later. */
  missing: number;
  /** Count of the messages whose sequence number had been received before. */
  duplicates: number;
  /** Count of the sequence numbers that were first received after a higher number. */
  outOfOrder: number;
}

export interface SequenceReport {
  readonly byQos: readonly [QosCounts, QosCounts, QosCounts];
  /** Violations of the guarantees of the QoS levels, as text. Empty if there are none. */
  readonly violations: readonly string[];
  /** Number of the streams in memory. */
  readonly streams: number;
}

/**
 * The place of one message in its stream: `next` follows the highest number, `first` starts a stream, `gap` skips numbers,
 * `late` follows a higher number, and `duplicate` repeats a number.
 */
export type SequenceFinding = 'next' | 'first' | 'gap' | 'late' | 'duplicate';

/**
 * Detects missing, duplicate and reordered messages in each stream (group, signal, QoS, run). A stream starts with the
 * first number that is received. QoS 0 messages may be lost but not duplicated. QoS 1 messages may be duplicated but not
 * lost. QoS 2 messages may be neither lost, duplicated nor reordered.
 */
export class SequenceChecker {
  readonly #streams = new Map<string, Stream>();
  readonly #counts: [QosCounts, QosCounts, QosCounts] = [newCounts(), newCounts(), newCounts()];

  observe(qos: QoS, { group, signal, run, number }: TelemetryPayload): SequenceFinding {
    const counts = this.#counts[qos];
    counts.received += 1;
    const key = JSON.stringify([group, signal, qos, run]);
    const stream = this.#streams.get(key);
    if (!stream) {
      this.#remember(key, { qos, first: number, highest: number, gaps: [] });
      return 'first';
    }
    // A Map iterates in insertion order. So the least recently active stream is the first one.
    this.#streams.delete(key);
    this.#streams.set(key, stream);
    const finding = place(stream, number);
    if (finding === 'gap') this.#addGap(stream, number, counts);
    else if (finding === 'duplicate') counts.duplicates += 1;
    else if (finding === 'late') {
      counts.outOfOrder += 1;
      if (fill(stream.gaps, number)) counts.missing -= 1;
    }
    stream.highest = Math.max(stream.highest, number);
    return finding;
  }

  report(): SequenceReport {
    const [atMostOnce, atLeastOnce, exactlyOnce] = this.#counts;
    const violations = [
      atMostOnce.duplicates > 0 && `QoS 0: ${atMostOnce.duplicates} received twice`,
      atLeastOnce.missing > 0 && `QoS 1: ${atLeastOnce.missing} missing`,
      exactlyOnce.missing > 0 && `QoS 2: ${exactlyOnce.missing} missing`,
      exactlyOnce.duplicates > 0 && `QoS 2: ${exactlyOnce.duplicates} received twice`,
      exactlyOnce.outOfOrder > 0 && `QoS 2: ${exactlyOnce.outOfOrder} out of order`,
    ].filter((violation) => violation !== false);
    return { byQos: structuredClone(this.#counts), violations, streams: this.#streams.size };
  }

  #addGap(stream: Stream, number: number, counts: QosCounts): void {
    stream.gaps.push({ from: stream.highest + 1, to: number - 1 });
    counts.missing += number - 1 - stream.highest;
    if (stream.gaps.length > gapsPerStreamMax) stream.gaps.shift();
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

function place({ first, highest, gaps }: Stream, number: number): SequenceFinding {
  if (number === highest + 1) return 'next';
  if (number > highest) return 'gap';
  // The message was sent before the first received message of the stream.
  if (number < first) return 'late';
  return gaps.some(({ from, to }) => from <= number && number <= to) ? 'late' : 'duplicate';
}

/**
 * Removes a sequence number from the gap that contains it. The gap may disappear or split in two.
 *
 * @returns false if no gap contains the number
 */
function fill(gaps: Gap[], number: number): boolean {
  const index = gaps.findIndex(({ from, to }) => from <= number && number <= to);
  const gap = gaps[index];
  if (!gap) return false;
  const parts = [
    { from: gap.from, to: number - 1 },
    { from: number + 1, to: gap.to },
  ].filter(({ from, to }) => from <= to);
  gaps.splice(index, 1, ...parts);
  if (gaps.length > gapsPerStreamMax) gaps.shift();
  return true;
}
