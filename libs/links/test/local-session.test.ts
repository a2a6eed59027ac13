import { jest } from '@jest/globals';
import { until } from '@mqtt-cluster/testing';
import { LocalSession, refusedRetryMs } from '../src/local/local-session.ts';
import type { LocalSessionHandlers } from '../src/local/local-session.ts';
import { FakeMember } from './support/fake-member.ts';

function sessionAt(member: FakeMember, handlers: Partial<LocalSessionHandlers>): LocalSession {
  const none = { onOpen: () => undefined, onClosed: () => undefined, onSubscriptionRefused: () => undefined };
  return new LocalSession({
    member,
    client: 'c',
    owner: 'c',
    receiveMaximum: 1,
    handlers: { ...none, ...handlers },
  });
}

test('a mark that the cluster refuses does not count: the former one stays, and the session tries again', async () => {
  const member = new FakeMember();
  const marked: string[] = [];
  const refusals: (number | null)[] = [];
  const session = sessionAt(member, { onMarkRefused: (code) => refusals.push(code) });
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

test('a subscription that the cluster refuses is requested again until the cluster grants it', async () => {
  jest.useFakeTimers({ doNotFake: ['queueMicrotask', 'nextTick'] });
  try {
    const member = new FakeMember();
    const answers: string[] = [];
    const session = sessionAt(member, {
      onSubscriptionRefused: (filter, code) => answers.push(`${filter} ${code ?? 'granted'}`),
    });
    for (const filter of ['a', 'b', 'c']) if (filter !== 'b') member.refusedFilters.set(filter, 0x97);
    session.subscribe(['a', 'b', 'c'].map((filter) => ({ filter, qos: 1 })));
    await jest.advanceTimersByTimeAsync(0);
    expect(answers.splice(0)).toEqual(['a 151', 'b granted', 'c 151']);
    session.unsubscribe(['c']);
    await jest.advanceTimersByTimeAsync(refusedRetryMs);
    expect(answers.splice(0)).toEqual(['a 151']);
    member.refusedFilters.clear();
    await jest.advanceTimersByTimeAsync(refusedRetryMs - 1);
    expect(answers).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(answers).toEqual(['a granted']);
    expect(member.filters('c')).toEqual(['b', 'a']);
    await jest.advanceTimersByTimeAsync(10 * refusedRetryMs);
    expect(answers).toHaveLength(1);
  } finally {
    jest.useRealTimers();
  }
});

test('the answers to copies come to their callbacks, and other answers to the handler', () => {
  let emit: (effect: object) => void = () => undefined;
  const inputs: { kind: string; request?: { packetId?: number } }[] = [];
  const member = {
    connect: (onEffect: (effect: never) => void) => {
      emit = onEffect as typeof emit;
      return { input: (input: object) => inputs.push(input as never), release: () => undefined };
    },
    status: () => undefined,
    view: () => undefined,
  };
  const others: unknown[] = [];
  const answers: string[] = [];
  const session = sessionAt(member as never, { onAnswer: (answer) => others.push(answer) });
  const copy = { topic: 't', payload: new Uint8Array() };
  for (const name of ['one', 'two']) session.publish(copy, (answer) => answers.push(`${name} ${answer}`));
  const [one, two] = inputs.filter(({ kind }) => kind === 'publish').map(({ request }) => request!.packetId!);
  emit({ kind: 'puback', connection: -1, packetId: two, result: 'ok' });
  emit({ kind: 'puback', connection: -1, packetId: one, result: 'ok', degraded: true });
  const other = { kind: 'puback', connection: -1, packetId: one, result: 'ok' };
  emit(other);
  expect(answers).toEqual(['two ok', 'one degraded']);
  expect(others).toEqual([other]);
});
