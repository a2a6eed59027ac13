import { publishCommand, StateDriver } from './support/state-driver.ts';

/** A state at a semantics version with the connected client `c` and `count` messages in its queue. */
function queueOf(count: number, semantics = 3): StateDriver {
  const driver = new StateDriver();
  for (let version = 2; version <= semantics; version++) driver.propose('a', { kind: 'semantics', version });
  driver.connect('a', 'c', {}, 't');
  for (let number = 1; number <= count; number++) driver.propose('b', publishCommand('t', `${number}`));
  return driver;
}

const sentBelow = (driver: StateDriver): number | undefined => driver.state.session('c')?.sentBelow;

describe('the items that a former home may have sent [3.1.1 MQTT-3.3.1-1] [5.0 MQTT-3.3.1-1]', () => {
  test('are those below the number that the home reported before the end of the connection', () => {
    const driver = queueOf(10);
    driver.propose('a', driver.progress('c', { sentBelow: 2 }));
    driver.close('a', 'c');
    expect(sentBelow(driver)).toBe(2);
  });

  test('are all items that were queued while the client was connected, without a report', () => {
    const driver = queueOf(10);
    driver.close('a', 'c');
    expect(sentBelow(driver)).toBe(11);
  });

  test('are known when the former home reports after a takeover', () => {
    const driver = queueOf(10);
    const late = driver.progress('c', { sentBelow: 2 });
    driver.connect('b', 'c');
    expect(sentBelow(driver)).toBe(11);
    expect(driver.applyOne('a', late)).toEqual({ kind: 'void' });
    expect(sentBelow(driver)).toBe(2);
    driver.propose('a', driver.progress('c', { sentBelow: 5 }));
    expect(sentBelow(driver)).toBe(2);
  });

  test('include those that an earlier connection received', () => {
    const driver = queueOf(10);
    driver.propose('a', driver.progress('c', { sentBelow: 8 }));
    driver.connect('b', 'c');
    driver.propose('b', driver.progress('c', { sentBelow: 2 }));
    driver.close('b', 'c');
    expect(sentBelow(driver)).toBe(8);
    driver.connect('b', 'c');
    const late = driver.progress('c', { sentBelow: 3 });
    driver.connect('a', 'c');
    driver.propose('b', late);
    expect(sentBelow(driver)).toBe(8);
  });

  test('do not include items beyond the end of the queue', () => {
    const driver = queueOf(2);
    driver.propose('a', driver.progress('c', { sentBelow: 100 }));
    driver.close('a', 'c');
    driver.propose('b', publishCommand('t', 'never sent'));
    expect(sentBelow(driver)).toBe(3);
  });

  test('do not include items of a shared subscription that another session passed on [5.0 MQTT-4.3.2-2]', () => {
    const driver = queueOf(0);
    driver.subscribe('a', 'c', '$share/g/s');
    driver.propose('b', publishCommand('s', '1'), publishCommand('s', '2', 1));
    driver.connect('b', 'd', {}, '$share/g/s');
    driver.close('a', 'c', false);
    const { sentBelow: below = 0 } = driver.state.session('d') ?? {};
    expect(driver.items('d').map(({ number }) => number >= below)).toEqual([true, true]);
  });

  test('are not changed by a report under an earlier semantics version', () => {
    const driver = queueOf(10, 2);
    driver.propose('a', driver.progress('c', { sentBelow: 2 }));
    driver.close('a', 'c');
    expect(sentBelow(driver)).toBe(11);
  });
});
