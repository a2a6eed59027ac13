import { expect, test } from '@jest/globals';
import { explainRole, includesRole } from '../src/api/authorization.ts';

test('each role may do what the weaker roles may do', () => {
  expect(includesRole('admin', 'operator')).toBe(true);
  expect(includesRole('operator', 'operator')).toBe(true);
  expect(includesRole('viewer', 'operator')).toBe(false);
});

test('a hidden act is explained with the role that it needs and the role that the user has', () => {
  expect(explainRole('viewer', 'operator', 'disconnect clients')).toBe(
    'To disconnect clients you need the role operator or admin. You have the role viewer.',
  );
});
