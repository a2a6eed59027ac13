import { HistoryBuilder, ruleOf, violated } from './history-builder.ts';

/** Delay of a timer in a probe of a machine that gives the processes almost no processor time, ms. */
const starvedWakeMs = 700;

/** A history whose machine was starved and is idle again for the given time. @param idleMs time since then, ms */
function afterStarvation(idleMs: number, degradedAcks = false): HistoryBuilder {
  const history = new HistoryBuilder({ willAtTakeover: true, degradedAcks });
  history.probe(starvedWakeMs);
  for (let passedMs = 0; passedMs < idleMs; passedMs += 1_000) {
    history.wait(1_000);
    history.probe();
  }
  return history;
}

/** A client of a clean session closes its connection, and no client receives its will. */
function loseWill(history: HistoryBuilder) {
  const watcher = history.connect('watcher', { server: 'C' });
  history.subscribe(watcher, 'w');
  const dying = history.connect('dying', { clean: true, will: history.will('w') });
  history.wait(1_000);
  history.close(dying);
  history.wait(20_000);
  return history.verdict();
}

test('a will that is missing while servers may still be isolated after a starved machine is an exception', () => {
  const verdict = loseWill(afterStarvation(5_000));
  expect(violated(verdict)).toEqual([]);
  expect(ruleOf(verdict, 'will').excused).toBe(1);
});

test('a will that is missing when the servers must serve together again is a violation', () => {
  expect(violated(loseWill(afterStarvation(15_000)))).toEqual(['will']);
});

/** A message is delivered 4 s after its acknowledgement, although it has an expiry of 1 s. */
function deliverLate(history: HistoryBuilder) {
  const subscriber = history.connect('subscriber', { version: 5 });
  history.subscribe(subscriber, 't');
  const publisher = history.connect('publisher', { server: 'B', version: 5 });
  const message = history.publish(publisher, 't', { expirySeconds: 1 });
  history.wait(4_000);
  history.probe();
  history.deliver(subscriber, message, 't', { expirySeconds: 1 });
  return ruleOf(history.verdict(), 'message-expiry').violations;
}

test.each([
  [5_000, 0],
  [15_000, 1],
])(
  'a message whose acknowledgement came %d ms after a starved machine may have a degraded acknowledgement only within 10 s',
  (idleMs, violations) => {
    expect(deliverLate(afterStarvation(idleMs, true))).toBe(violations);
  },
);
