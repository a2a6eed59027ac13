import type { WillOwner } from '@mqtt-cluster/contracts';
import { isWillOf } from '../../src/authentication/departed-wills.ts';

const owner: WillOwner = { client: 'c', user: 'eve', source: 'certificate', epoch: 5 };
const gone = { client: 'c', user: 'eve', epoch: 5 };

describe('the will of a client that has left and whose certificate is revoked', () => {
  test.each<[string, Partial<WillOwner>, boolean]>([
    ['is the one of its connection', {}, true],
    ['is not the one of a later connection with a renewed certificate', { epoch: 6 }, false],
    ['is not the one of another client', { client: 'd' }, false],
    ['is not the one of another user', { user: 'bob' }, false],
    ['is not the one of a user with a password', { source: 'passwordFile' }, false],
  ])('%s', (_what, changes, expected) => {
    expect(isWillOf([gone])({ ...owner, ...changes })).toBe(expected);
  });
});
