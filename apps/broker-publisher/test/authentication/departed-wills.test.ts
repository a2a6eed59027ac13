import type { WillOwner } from '@mqtt-cluster/contracts';
import { isWillOf } from '../../src/authentication/departed-wills.ts';

const owner: WillOwner = { client: 'c', user: 'eve', source: 'certificate', epoch: 5, connected: false };
const gone = { client: 'c', user: 'eve', epoch: 5 };

describe('the will of a client that has left and whose certificate is revoked', () => {
  test.each<[string, number, Partial<WillOwner>, boolean]>([
    ['is the one of its connection', 5, {}, true],
    ['is the one of its connection before its end is applied', 5, { connected: true }, true],
    ['is not the one of a later connection with a renewed certificate', 5, { epoch: 6 }, false],
    ['is not the one of another client', 5, { client: 'd' }, false],
    ['is not the one of another user', 5, { user: 'bob' }, false],
    ['is not the one of a user with a password', 5, { source: 'passwordFile' }, false],
  ])('%s', (_what, epoch, changes, expected) => {
    expect(isWillOf([{ ...gone, epoch }])({ ...owner, ...changes })).toBe(expected);
  });
});
