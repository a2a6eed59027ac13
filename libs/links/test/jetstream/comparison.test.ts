import { compare } from '../../src/jetstream/comparison.ts';
import type { FoundMessage, MessageId, SubjectReader, Verdict } from '../../src/jetstream/comparison.ts';

const session = 'c/l/s/';

function idOf(number: number, digest = 'd'): MessageId {
  return { session, number, text: `${session}${number}/${digest}` };
}

/** The messages of one subject. */
class Subject implements SubjectReader {
  lookups = 0;
  readonly #messages: readonly FoundMessage[];

  constructor(ids: ReadonlyMap<number, string>) {
    this.#messages = [...ids]
      .map(([sequence, id]) => ({ sequence, id }))
      .toSorted((left, right) => left.sequence - right.sequence);
  }

  async last(): Promise<FoundMessage | null> {
    return this.#messages.at(-1) ?? null;
  }

  async next(sequence: number): Promise<FoundMessage | null> {
    this.lookups++;
    return this.#messages.find((each) => each.sequence >= sequence) ?? null;
  }
}

/** @param ids of the messages of the subject, which has all sequence numbers */
function verdict(wanted: MessageId, ...ids: string[]): Promise<Verdict> {
  return compare(new Subject(new Map(ids.map((id, index) => [index + 1, id]))), wanted);
}

const texts = (...numbers: number[]): string[] => numbers.map((number) => idOf(number).text);

test('the last message of the subject is stored', async () => {
  expect(await verdict(idOf(7), ...texts(5, 7))).toBe('stored');
});

test('a message behind the last one of its subject is missing', async () => {
  expect(await verdict(idOf(8), ...texts(5, 7))).toBe('missing');
});

test('a message before the last one is stored if the stream has it, and undecided otherwise', async () => {
  expect(await verdict(idOf(6), ...texts(5, 6, 7, 8))).toBe('stored');
  expect(await verdict(idOf(6), ...texts(5, 7, 8))).toBe('undecided');
});

test('a message with a number that was counted wrong is not taken for a stored one', async () => {
  expect(await verdict(idOf(6, 'other'), ...texts(5, 6))).toBe('undecided');
  expect(await verdict(idOf(6, 'other'), ...texts(5, 6, 7, 8))).toBe('undecided');
});

test('a message is undecided if the last one is of another program, session or link, or has no number', async () => {
  for (const last of ['', 'order-17', 'c/l/t/3/d', 'c/l/other/3/d', 'c/m/s/3/d', `${session}q40000/d`])
    expect(await verdict(idOf(6), ...texts(5, 6), last)).toBe('undecided');
  expect(await verdict(idOf(6))).toBe('undecided');
  expect(await verdict({ session, number: null, text: `${session}q40000/d` }, ...texts(5))).toBe('undecided');
});

test('finds a message between those of other programs, with a bounded number of lookups', async () => {
  const ids = new Map<number, string>();
  const start = 10_000;
  for (let number = 0; number < 50; number++) ids.set(start + number * 100, idOf(number).text);
  ids.set(start + 150, 'order-17');
  const subject = new Subject(ids);
  expect(await compare(subject, idOf(2))).toBe('stored');
  expect(subject.lookups).toBeLessThan(30);
  const crowded = new Subject(
    new Map([
      ...Array.from({ length: 5_000 }, (_, index) => [index + 1, `order-${index}`] as const),
      [5_001, idOf(9_000).text],
    ]),
  );
  expect(await compare(crowded, idOf(1))).toBe('undecided');
  expect(crowded.lookups).toBeLessThanOrEqual(64);
});
