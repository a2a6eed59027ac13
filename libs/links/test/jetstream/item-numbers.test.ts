import type { DeliverEffect } from '@mqtt-cluster/contracts';
import { ItemNumbers } from '../../src/jetstream/item-numbers.ts';
import type { NumberMark } from '../../src/jetstream/item-numbers.ts';

const lap = 16_384;

/** The delivery of an item, with the packet id that the member gives it. */
function item(number: number, dup = false): DeliverEffect {
  return { packetId: 1 + (number % lap), dup } as DeliverEffect;
}

/** A link that sends the items of a queue in their order, and a state that holds its mark. */
class Runner {
  readonly numbers: ItemNumbers;
  /** Numbers of the sent items, by item. */
  readonly sent = new Map<number, number>();
  mark: NumberMark | null;
  nowMs = 0;

  constructor(mark: NumberMark | null) {
    this.mark = mark;
    this.numbers = new ItemNumbers(mark === null ? [] : [mark]);
  }

  /** @returns false if the item waits for a mark */
  send(number: number, { dup = false, acknowledges = true } = {}): boolean {
    const given = this.numbers.next(item(number, dup));
    this.writeMark();
    if (!this.numbers.maySend(given)) return false;
    this.sent.set(number, given);
    if (acknowledges) this.numbers.onAcknowledged(given, this.nowMs);
    return true;
  }

  writeMark(): void {
    const quarter = this.numbers.quarterToMark(this.nowMs);
    if (quarter === null) return;
    this.mark = { start: 's', quarter };
    this.numbers.onMarked(this.mark);
  }
}

test('an item has the same number at the next runner, wherever the former one has ended', () => {
  const used = new Map<number, number>();
  let runner = new Runner(null);
  const differing: number[] = [];
  for (let number = 1; number < 3 * lap; number++) {
    runner.nowMs++;
    if (!runner.send(number)) throw new Error(`item ${number} waits`);
    if (number % 1_111 !== 0) continue;
    for (const [item, given] of runner.sent) used.set(item, given);
    runner = new Runner(runner.mark);
    // The queue holds the last items: the former runner has sent them, and their acknowledgements are lost.
    for (let again = Math.max(1, number - 3_000); again <= number; again++) {
      runner.nowMs++;
      runner.send(again, { dup: true });
      if (runner.sent.get(again) !== used.get(again)) differing.push(again);
    }
  }
  expect(differing).toEqual([]);
  expect(new Set(used.values()).size).toBe(used.size);
});

test('the next runner may begin with the item after all those that may be sent', () => {
  const runner = new Runner(null);
  let number = 1;
  // Marks are not written any more: the runner is cut off.
  for (; number < 5_000; number++) runner.send(number);
  while (number < lap && runner.numbers.maySend(runner.numbers.next(item(number)))) number++;
  const next = new ItemNumbers([runner.mark!]).next(item(number, true));
  expect([...runner.sent.values()].every((each) => each < next)).toBe(true);
  expect(next).toBe(lap + number);
});

test('no mark is written while an item of three quarters before has no acknowledgement, or a fresh one', () => {
  const runner = new Runner(null);
  runner.send(1, { acknowledges: false });
  let number = 2;
  while (number < lap && runner.send(number)) number++;
  // Quarters 4 to 6 are sent. A mark of quarter 7 would make the first item ambiguous.
  expect(number).toBe(3 * 4_096);
  expect(runner.numbers.isHeld).toBe(true);
  runner.nowMs = 10_000;
  runner.numbers.onAcknowledged(runner.sent.get(1)!, runner.nowMs);
  runner.nowMs += 999;
  expect(runner.numbers.quarterToMark(runner.nowMs)).toBeNull();
  runner.nowMs += 1;
  expect(runner.numbers.quarterToMark(runner.nowMs)).toBe(8);
});

test('numbers rise over a gap, and items that no runner has sent get numbers that no runner has used', () => {
  const runner = new Runner(null);
  runner.send(1);
  runner.send(2);
  // The queue has dropped a lap and some items.
  runner.send(2 + lap);
  runner.send(1 + 3 * lap);
  const numbers = [...runner.sent.values()];
  expect(numbers).toEqual([...new Set(numbers)].toSorted((left, right) => left - right));
  const next = new ItemNumbers([runner.mark!]).next(item(2, false));
  expect(next).toBeGreaterThan(numbers.at(-1)!);
});

test('messages that only the home has are not numbered', () => {
  expect(ItemNumbers.isNumbered({ packetId: lap } as DeliverEffect)).toBe(true);
  expect(ItemNumbers.isNumbered({ packetId: lap + 1 } as DeliverEffect)).toBe(false);
});
