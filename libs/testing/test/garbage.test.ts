import { heldBytes } from '../src/index.ts';

test('the bytes that a value keeps contain those of its elements', () => {
  expect(heldBytes(() => new Array(1_000_000).fill(0))).toBeGreaterThan(1_000_000);
});

test('the bytes that a value keeps do not contain what was needed to create it', () => {
  expect(heldBytes(() => new Array(1_000_000).fill(0).length)).toBeLessThan(500_000);
});
