import { Receipts } from '../src/generator/receipts.ts';

function after(...numbers: readonly number[]): Receipts {
  const receipts = new Receipts();
  for (const number of numbers) receipts.add(number);
  return receipts;
}

test('what is missing is not received', () => {
  expect(after(0, 1, 4)).toMatchObject({ received: 3, next: 5, duplicates: 0, late: 0 });
});

test('what comes late is received and told', () => {
  expect(after(0, 2, 1, 3)).toMatchObject({ received: 4, duplicates: 0, late: 1 });
});

test('what comes twice counts once and is told', () => {
  expect(after(0, 1, 1, 0)).toMatchObject({ received: 2, duplicates: 2, late: 0 });
});

test('a gap beyond all bounds is still no delivery', () => {
  expect(after(500_000).received).toBe(1);
});
