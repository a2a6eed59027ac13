import { detached, shortened } from '../src/text-parts.ts';

const whole = `${'ä'.repeat(100)}/${'x'.repeat(1_000)}`;

test.each([
  ['of few characters', whole.slice(0, 5)],
  ['of many characters', whole.slice(0, 100)],
  ['that is most of the text', whole.slice(0, 900)],
  ['that is the text', whole],
])('a part %s keeps its characters', (_name, part) => {
  expect(detached(part, whole)).toBe(part);
});

test('a text is cut at the given length, and a short one stays as it is', () => {
  expect(shortened(whole, 50)).toBe('ä'.repeat(50));
  expect(shortened('short', 50)).toBe('short');
  expect(shortened(`${'x'.repeat(49)}${'😀'.repeat(100)}`, 50)).toBe(`${'x'.repeat(49)}\ufffd`);
});
