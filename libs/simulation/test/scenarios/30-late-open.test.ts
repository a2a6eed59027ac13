import type { MemberId, Will } from '@mqtt-cluster/contracts';
import { Scenario } from '../../src/index.ts';
import type { ProbeClient } from '../../src/index.ts';

interface LateOpen {
  readonly scenario: Scenario;
  readonly client: ProbeClient;
  /** The member that was isolated. */
  readonly home: MemberId;
}

/**
 * A client sends CONNECT to a member that has just lost the majority. The member refuses it when it becomes isolated,
 * or the client closes the connection before that. Meanwhile the client opens and ends a session at another member.
 * After the heal the `open` of the first CONNECT is applied.
 */
function openLate(ending: 'refused' | 'left', will?: Will): LateOpen {
  const scenario = new Scenario();
  const [home, elsewhere] = scenario.followers() as [string, string];
  scenario.world.partition(scenario.others(home), [home]);
  const late = scenario.unconnectedProbe('c');
  late.connect(scenario.world.host(home), will === undefined ? {} : { will });
  scenario.run(500);
  if (ending === 'left') late.close();
  const client = scenario.probe('c', elsewhere, { clean: true, sessionExpirySeconds: 0 });
  client.close(true);
  scenario.waitFor('the member is isolated', 4_000, () => scenario.status(home).state === 'isolated');
  scenario.world.heal();
  scenario.waitForServing(...scenario.memberIds);
  scenario.run(1_000);
  return { scenario, client, home };
}

/** This test fails if the home keeps the session that the `open` of an unanswered CONNECT has created. */
test.each(['refused', 'left'] as const)(
  'the open of a CONNECT without CONNACK leaves no session behind when it is applied late, and its client was %s [3.1.1 MQTT-3.2.2-3] [5.0 MQTT-3.2.2-3]',
  (ending) => {
    const late = openLate(ending);
    const { scenario, client, home } = late;
    scenario.connectProbe(client, home);
    expect(client.sessionPresent).toBe(false);
    expect(scenario.finish()).toEqual([]);
  },
);

const will: Will = { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: false, delaySeconds: 0 };

/** This test fails if the end of such a session publishes the will of a refused client. */
test.each([
  ['refused', 0],
  ['left', 1],
] as const)('the will of a client that was %s without CONNACK is published %d times', (ending, count) => {
  const { scenario } = openLate(ending, will);
  scenario.run(5_000);
  const fired = scenario.world.events.filter(
    ({ member, event }) => event.kind === 'willFired' && event.client === 'c' && member === scenario.leader(),
  );
  expect(fired).toHaveLength(count);
  expect(scenario.finish()).toEqual([]);
});
