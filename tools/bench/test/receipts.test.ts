import { Receipts } from '../src/generator/receipts.ts';

function after(...numbers: readonly number[]): Receipts {
  const receipts = new Receipts();
  for (const number of numbers) receipts.add(number);
  return receipts;
}

test('Receipts does not count missing message numbers as received', () => {
  expect(after(0, 1, 4)).toMatchObject({ received: 3, next: 5, duplicates: 0, late: 0 });
});

test('Receipts counts a late message number as received and as late', () => {
  expect(after(0, 2, 1, 3)).toMatchObject({ received: 4, duplicates: 0, late: 1 });
});

test('Receipts counts a repeated message number as a duplicate and only once as received', () => {
  expect(after(0, 1, 1, 0)).toMatchObject({ received: 2, duplicates: 2, late: 0 });
});

test('Receipts counts one received message if more message numbers are missing than Receipts can store', () => {
  expect(after(500_000).received).toBe(1);
});
