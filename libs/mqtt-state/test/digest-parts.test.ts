import { largeStateSemantics } from '@mqtt-cluster/contracts';
import { decodeMqttState } from '../src/index.ts';
import { publishCommand, StateDriver } from './support/state-driver.ts';

const parts = 7;

/** A state with 50 sessions, 50 retained messages and 20 shared subscriptions. */
function filled(): StateDriver {
  const driver = new StateDriver().raiseSemantics(largeStateSemantics);
  for (let number = 0; number < 50; number++) driver.connect('a', `client-${number}`, {}, `topic/${number}`);
  for (let number = 0; number < 20; number++)
    driver.connect('a', `sharer-${number}`, {}, `$share/group-${number}/work`);
  const topics = Array.from({ length: 50 }, (_, number) => `retained/${number}`);
  driver.propose('a', ...topics.map((topic) => publishCommand(topic, 'x', 1, { retain: true })));
  return driver;
}

function digestsOf(state: StateDriver['state']): string[] {
  return Array.from({ length: parts }, (_, part) => state.digest({ part, parts }));
}

function differingParts(one: string[], other: string[]): number[] {
  return one.flatMap((digest, part) => (digest === other[part] ? [] : [part]));
}

describe('the digests of the parts of a state', () => {
  test('are equal for a state and its decoded snapshot', () => {
    const { state } = filled();
    expect(digestsOf(decodeMqttState(state.encode()))).toEqual(digestsOf(state));
  });

  test.each(['client-0', 'client-24', 'client-49'])(
    'differ in one part when only the queue of %s differs',
    (client) => {
      const [one, other] = [filled(), filled()];
      const topic = `topic/${client.slice('client-'.length)}`;
      one.propose('a', publishCommand(topic, 'one'));
      other.propose('a', publishCommand(topic, 'other'));
      expect(differingParts(digestsOf(one.state), digestsOf(other.state))).toHaveLength(1);
    },
  );

  test.each([0, 24, 49])('differ in one part when only the retained message %d differs', (number) => {
    const [one, other] = [filled(), filled()];
    one.propose('a', publishCommand(`retained/${number}`, 'one', 1, { retain: true }));
    other.propose('a', publishCommand(`retained/${number}`, 'other', 1, { retain: true }));
    expect(differingParts(digestsOf(one.state), digestsOf(other.state))).toHaveLength(1);
  });

  test('differ in one part when only the tombstone of one topic differs', () => {
    const [one, other] = [filled(), filled()];
    one.propose('a', publishCommand('retained/1', '', 1, { retain: true }));
    one.propose('a', publishCommand('never/1', '', 1, { retain: true }));
    other.propose('a', publishCommand('retained/1', '', 1, { retain: true }));
    other.propose('a', publishCommand('never/2', '', 1, { retain: true }));
    expect(differingParts(digestsOf(one.state), digestsOf(other.state))).toHaveLength(1);
  });

  test('differ when only the next member of a shared subscription differs', () => {
    const [one, other] = [filled(), filled()];
    for (const driver of [one, other]) driver.connect('a', 'sharer-more', {}, '$share/group-3/work');
    one.propose('a', publishCommand('work', 'x'));
    other.propose('a', publishCommand('work', 'x'), publishCommand('work', 'x'));
    expect(differingParts(digestsOf(one.state), digestsOf(other.state)).length).toBeGreaterThanOrEqual(1);
  });

  test('differ in one part when one message within a long queue differs', () => {
    const [one, other] = [filled(), filled()];
    for (const [driver, different] of [
      [one, 'one'],
      [other, 'other'],
    ] as const) {
      const payloads = Array.from({ length: 300 }, (_, number) => (number === 150 ? different : `${number}`));
      driver.propose('a', ...payloads.map((payload) => publishCommand('topic/20', payload)));
    }
    expect(differingParts(digestsOf(one.state), digestsOf(other.state))).toHaveLength(1);
  });

  test('all differ when a setting differs', () => {
    const [one, other] = [filled(), filled()];
    one.propose('a', { kind: 'settings', settings: { queuedMessagesMax: 11 } });
    other.propose('a', { kind: 'settings', settings: { queuedMessagesMax: 12 } });
    expect(differingParts(digestsOf(one.state), digestsOf(other.state))).toHaveLength(parts);
  });
});
