import { DuplicateFilter } from '../src/duplicate-filter.ts';

describe('DuplicateFilter', () => {
  test('recognizes the second copy of a message within the window', () => {
    let nowMs = 0;
    const filter = new DuplicateFilter(10, 1_000, () => nowMs);
    expect(filter.isFirst('a')).toBe(true);
    nowMs = 999;
    expect(filter.isFirst('a')).toBe(false);
    nowMs = 1_000;
    expect(filter.isFirst('a')).toBe(true);
  });

  test('drops the oldest identity when the number of identities exceeds the bound', () => {
    const filter = new DuplicateFilter(2, 1_000, () => 0);
    for (const identity of ['a', 'b', 'c', 'd']) filter.isFirst(identity);
    expect(filter.isFirst('d')).toBe(false);
    expect(filter.isFirst('a')).toBe(true);
  });
});
