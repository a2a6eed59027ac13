import { until } from '@mqtt-cluster/testing';
import { LocalSession } from '../src/local/local-session.ts';
import { FakeMember } from './support/fake-member.ts';

test('a mark that the cluster refuses does not count: the former one stays, and the session tries again', async () => {
  const member = new FakeMember();
  const marked: string[] = [];
  const refusals: (number | null)[] = [];
  const session = new LocalSession({
    member,
    client: 'c',
    owner: 'c',
    receiveMaximum: 1,
    handlers: {
      onOpen: () => undefined,
      onClosed: () => undefined,
      onSubscriptionRefused: () => undefined,
      onMarkRefused: (code) => refusals.push(code),
    },
  });
  const filters = (): string[] => (session.detail?.subscriptionList ?? []).map(({ filter }) => filter);
  session.mark('one', [], () => marked.push('one'));
  await until(() => marked.length === 1);
  member.refusedFilters.set('two', 0x97);
  session.mark('two', ['one'], () => marked.push('two'));
  await until(() => refusals.at(-1) === 0x97);
  expect(marked).toEqual(['one']);
  expect(filters()).toEqual(['one']);
  member.refusedFilters.clear();
  await until(() => marked.length === 2);
  expect(refusals).toEqual([null, 0x97, null]);
  await until(() => !filters().includes('one'));
  expect(filters()).toEqual(['two']);
  session.close();
});
