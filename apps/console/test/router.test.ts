import { expect, test } from '@jest/globals';
import { href, parseRoute } from '../src/app/router.ts';

test('a client identifier with any character survives the way into an address and back', () => {
  for (const id of ['a/b', 'ü ?&=#%', '..', '%2F', '"><script>']) {
    expect(parseRoute(href(['clients', id], { tab: id }))).toEqual({
      path: ['clients', id],
      query: { tab: id },
    });
  }
});

test('an empty or broken address leads somewhere', () => {
  expect(parseRoute('').path).toEqual(['overview']);
  expect(parseRoute('#/').path).toEqual(['overview']);
  expect(parseRoute('#/clients/%E0%A4%A').path).toEqual(['clients', '%E0%A4%A']);
});

test('empty values do not appear in an address', () => {
  expect(href(['clients'], { id: '', user: undefined, member: 'm1' })).toBe('#/clients?member=m1');
});
