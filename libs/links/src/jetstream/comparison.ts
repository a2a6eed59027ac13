/**
 * Compares a message with what a stream has stored. The stream drops repetitions only within its duplicate window, so after
 * a longer absence the link asks before it sends a message again.
 */

/** Lookups in the stream for one message, each a round trip. Beyond this bound the message counts as undecided. */
const lookupsMax = 64;

/** `Nats-Msg-Id` of a message, with the parts that a comparison needs. */
export interface MessageId {
  readonly text: string;
  /** What the ids of all messages of the link's session begin with. */
  readonly session: string;
  /** Null: the message has no place in the order of the session. */
  readonly number: number | null;
}

/**
 * `stored`: the stream has stored the message. `missing`: it has not stored it, nor a later message of the subject.
 * `undecided`: the stream does not show it.
 */
export type Verdict = 'stored' | 'missing' | 'undecided';

/** A message of the stream. The id is empty if it has none. */
export interface FoundMessage {
  readonly sequence: number;
  readonly id: string;
}

/** Reads messages of one subject. */
export interface SubjectReader {
  last(): Promise<FoundMessage | null>;
  /** Returns the first message with at least this sequence number. */
  next(sequence: number): Promise<FoundMessage | null>;
}

/**
 * Returns whether the stream has stored a message. The link sends the messages of a subject one after another, so the last
 * one of the subject decides: if it has a lower number, the message is missing. A higher number is no proof, because numbers
 * may be counted wrong after an overflow of the queue: the message itself must be found before it.
 */
export async function compare(reader: SubjectReader, wanted: MessageId): Promise<Verdict> {
  const last = await reader.last();
  if (last?.id === wanted.text) return 'stored';
  const number = last === null ? null : numberOf(last, wanted);
  if (last === null || number === null || wanted.number === null) return 'undecided';
  if (number < wanted.number) return 'missing';
  if (number === wanted.number) return 'undecided';
  return (await isBefore(reader, last, wanted, number - wanted.number)) ? 'stored' : 'undecided';
}

/**
 * Looks for a message before the last one of its subject. In a stream that only this link writes, the messages are not
 * further apart than their numbers; otherwise the search reaches back twice as far each time.
 */
async function isBefore(
  reader: SubjectReader,
  { sequence: end }: FoundMessage,
  wanted: MessageId,
  distance: number,
): Promise<boolean> {
  let lookups = 0;
  for (let reach = distance; lookups < lookupsMax; reach *= 2) {
    let from = Math.max(1, end - reach);
    const isWhole = from === 1;
    let isBehind = false;
    while (!isBehind && lookups++ < lookupsMax) {
      const found = await reader.next(from);
      if (found === null) break;
      if (found.id === wanted.text) return true;
      const number = numberOf(found, wanted);
      isBehind = number !== null && number >= wanted.number!;
      from = found.sequence + 1;
    }
    if (isWhole) return false;
  }
  return false;
}

/** Returns the number of a message of the same session, or null. */
function numberOf({ id }: FoundMessage, { session }: MessageId): number | null {
  if (!id.startsWith(session)) return null;
  const digits = /^\d+(?=\/)/.exec(id.slice(session.length));
  return digits === null ? null : Number(digits[0]);
}
