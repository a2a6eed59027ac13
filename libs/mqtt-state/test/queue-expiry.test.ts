import { jest } from '@jest/globals';
import { conformanceSemantics } from '@mqtt-cluster/contracts';
import type { QoS } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { decodeMqttState } from '../src/index.ts';
import { nextExpired, scheduleExpiries } from '../src/session/queue-expiry.ts';
import { appendItem, dequeue } from '../src/session/queueing.ts';
import { Session } from '../src/session/session.ts';
import { attachHome, detachHome } from '../src/session/session-home.ts';
import { StateData } from '../src/state-data.ts';
import type { ApplyContext } from '../src/state-data.ts';
import { dataOf } from './support/derived-data.ts';
import { openCommand, publishCommand, StateDriver } from './support/state-driver.ts';

const expiring = (seconds: number) => ({ properties: { messageExpiryInterval: seconds } });

/** Returns a driver whose session `c` subscribes to `t`. */
function driverWithSession(semantics = conformanceSemantics, receiveMaximum = 100): StateDriver {
  const driver = new StateDriver().start('a').raiseSemantics(semantics);
  driver.connect('a', 'c', { receiveMaximum }, 't');
  return driver;
}

describe('an expired message in the queue of an absent session [5.0 MQTT-3.3.2-5]', () => {
  test('is deleted and counted as expired when its time has come', () => {
    const driver = driverWithSession();
    driver.close('a', 'c');
    driver.propose(
      'a',
      publishCommand('t', 'short', 1, expiring(5)),
      publishCommand('t', 'long', 1, expiring(60)),
    );
    driver.propose('a', publishCommand('t', 'for ever'));
    expect(driver.state.nextDeadline()).toBe(driver.timeMs + 5_000);
    driver.advanceTime(4_999);
    expect(driver.queued('c')).toEqual(['short', 'long', 'for ever']);
    driver.advanceTime(1);
    expect(driver.queued('c')).toEqual(['long', 'for ever']);
    expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'expired', count: 1 }]);
    expect(driver.state.counts().queuedMessages).toBe(2);
  });

  test('is deleted when it expired while its client was connected', () => {
    const driver = driverWithSession();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    driver.advanceTime(6_000);
    expect(driver.queued('c')).toEqual(['x']);
    driver.close('a', 'c');
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });

  test('is deleted on a member that decoded the state after the expiry as on all others', () => {
    const driver = driverWithSession();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    driver.advanceTime(6_000);
    driver.state = decodeMqttState(driver.state.encode());
    driver.close('a', 'c');
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });

  test('makes room at the bound of the queue', () => {
    const driver = driverWithSession();
    driver.propose('a', { kind: 'settings', settings: { queueFull: 'refuse', queuedMessagesMax: 1 } });
    driver.close('a', 'c');
    const publish = () => driver.applyOne('a', publishCommand('t', 'x', 1, expiring(5)));
    expect(publish()).toEqual({ kind: 'published', outcome: 'applied' });
    expect(publish()).toEqual({ kind: 'published', outcome: 'quotaExceeded' });
    driver.timeMs += 5_000;
    expect(publish()).toEqual({ kind: 'published', outcome: 'applied' });
  });

  test('stays when it is a QoS 2 message with a packet id, because its exchange may have begun', () => {
    const driver = driverWithSession(conformanceSemantics, 1);
    driver.close('a', 'c');
    driver.propose('a', publishCommand('t', 'in window', 2, expiring(5)));
    driver.propose('a', publishCommand('t', 'behind', 2, expiring(5)));
    driver.advanceTime(5_000);
    expect(driver.queued('c')).toEqual(['in window']);
  });

  test('stays below semantics version 3, and no timer is due for it', () => {
    const driver = driverWithSession(conformanceSemantics - 1);
    driver.close('a', 'c');
    const before = driver.state.nextDeadline();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    expect(driver.state.nextDeadline()).toBe(before);
    driver.advanceTime(6_000);
    expect(driver.queued('c')).toEqual(['x']);
    driver.raiseSemantics(conformanceSemantics);
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });
});

test('the message of a connected session stays in the state: its home drops it', () => {
  const driver = driverWithSession();
  driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
  driver.advanceTime(6_000);
  expect(driver.queued('c')).toEqual(['x']);
  expect(driver.effectsOfKind('dropped')).toEqual([]);
});

describe('a message that waited at its home before its entry [5.0 MQTT-3.3.2-6]', () => {
  const received = (driver: StateDriver, expiresAt: number) => {
    const { message, ...rest } = publishCommand('t', 'x', 1, expiring(60));
    driver.propose('a', { ...rest, message: { ...message, expiresAt } });
    return driver.items('c')[0]?.message.expiresAt;
  };

  test('expires at the time that its home has computed', () => {
    const driver = driverWithSession();
    expect(received(driver, driver.timeMs + 20_000)).toBe(driver.timeMs + 20_000);
  });

  test('expires no later than its interval after the entry', () => {
    const driver = driverWithSession();
    expect(received(driver, driver.timeMs + 90_000)).toBe(driver.timeMs + 60_000);
  });

  test('expires its interval after the entry below semantics version 3', () => {
    const driver = driverWithSession(conformanceSemantics - 1);
    expect(received(driver, driver.timeMs + 20_000)).toBe(driver.timeMs + 60_000);
  });
});

test('a message that expired at its home is not queued, and is counted [5.0 MQTT-3.3.2-5]', () => {
  const driver = driverWithSession();
  const { message, ...rest } = publishCommand('t', 'x', 2, expiring(60));
  driver.propose('a', { ...rest, message: { ...message, expiresAt: driver.timeMs - 1 } });
  expect(driver.queued('c')).toEqual([]);
  expect(driver.effectsOfKind('dropped')).toEqual([{ kind: 'dropped', reason: 'expired', count: 1 }]);
});

describe('the end of a connection', () => {
  test('looks only at the items whose expiry has passed during the connection, however long the queue is', () => {
    const driver = driverWithSession();
    for (const seconds of [5, 60]) {
      const commands = Array.from({ length: 100 }, () => publishCommand('t', 'x', 1, expiring(seconds)));
      driver.propose('a', ...commands);
    }
    const { bodies, sessions } = dataOf(driver.state);
    const expiresAt = jest.spyOn(bodies, 'expiresAt');
    const find = jest.spyOn(sessions.get('c')!.items, 'find');
    driver.close('a', 'c');
    expect(expiresAt).toHaveBeenCalledTimes(0);
    driver.propose('a', openCommand('c'));
    driver.advanceTime(6_000);
    driver.propose(
      'a',
      driver.progress('c', {
        done: driver
          .items('c')
          .map(({ number }) => number)
          .slice(0, 90),
      }),
    );
    expect(expiresAt).toHaveBeenCalledTimes(0);
    find.mockClear();
    driver.close('a', 'c');
    expect(expiresAt).toHaveBeenCalledTimes(10);
    expect(find).toHaveBeenCalledTimes(10);
    driver.advanceTime(0);
    expect(driver.queued('c')).toHaveLength(100);
  });

  test('counts for the items whose expiry has passed during an earlier connection that it has taken over', () => {
    const driver = driverWithSession();
    driver.propose('a', publishCommand('t', 'x', 1, expiring(5)));
    driver.advanceTime(6_000);
    driver.propose('b', openCommand('c'));
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual(['x']);
    driver.close('b', 'c');
    driver.advanceTime(0);
    expect(driver.queued('c')).toEqual([]);
  });
});

test('a queue has one place among the deadlines of the cluster, however many of its messages expire', () => {
  const driver = driverWithSession();
  driver.close('a', 'c');
  const push = jest.spyOn(dataOf(driver.state).queueExpiries, 'push');
  driver.propose('a', ...Array.from({ length: 100 }, () => publishCommand('t', 'x', 1, expiring(5))));
  expect(push).toHaveBeenCalledTimes(1);
  driver.advanceTime(5_000);
  expect(driver.queued('c')).toEqual([]);
});

/** Sessions with queues, and a plain list of the messages with their deadlines. */
class Model {
  readonly data = new StateData();
  readonly #context = {
    data: this.data,
    semantics: conformanceSemantics,
    effects: [],
  } as unknown as ApplyContext;
  readonly #sessions = ['one', 'two', 'three'].map((client) => new Session(client, 1, this.data.usage));
  #expiries: { session: Session; number: number; deadline: number; isScheduled: boolean }[] = [];

  append(place: number, qos: QoS, delayMs: number): void {
    const session = this.#sessions[place]!;
    const expiresAt = delayMs === Infinity ? {} : { expiresAt: this.data.timeMs + delayMs };
    const message = { topic: 't', payload: new Uint8Array(), qos, retain: false, ...expiresAt };
    const body = this.data.bodies.add(message, undefined);
    const number = session.items.nextNumber;
    appendItem(
      this.#context,
      { session, qos, retain: false, identifiers: undefined, shared: undefined },
      body,
    );
    if (delayMs < Infinity)
      this.#expiries.push({ session, number, deadline: this.data.timeMs + delayMs, isScheduled: true });
  }

  remove(place: number, from: number, count: number): void {
    const session = this.#sessions[place]!;
    const numbers = session.items.numbers();
    const start = Math.floor(from * numbers.length);
    for (const number of numbers.slice(start, start + count)) {
      dequeue(this.#context, session, number);
      this.#forget(session, number);
    }
  }

  toggle(place: number): void {
    const session = this.#sessions[place]!;
    if (session.home === null)
      return attachHome(this.data, session, { member: 'a', storeId: 's', incarnation: 1 });
    detachHome(this.#context, session);
    scheduleExpiries(this.data, session);
    for (const expiry of this.#expiries) if (expiry.session === session) expiry.isScheduled = true;
  }

  /** Lets time pass. @returns the messages that expire, and those that have to */
  pass(ms: number): [string[], string[]] {
    this.data.timeMs += ms;
    const expected: string[] = [];
    for (const expiry of this.#scheduled()) {
      if (expiry.deadline > this.data.timeMs) break;
      const { session, number } = expiry;
      expiry.isScheduled = false;
      if (session.home !== null || session.items.packetIdOf(number) !== 0) continue;
      this.#forget(session, number);
      expected.push(`${session.client} ${number}`);
    }
    const expired: string[] = [];
    for (let due = nextExpired(this.data); due; due = nextExpired(this.data)) {
      expired.push(`${due.session.client} ${due.number}`);
      dequeue(this.#context, due.session, due.number);
    }
    return [expired, expected];
  }

  /** The first deadline, and the one that has to be the first. */
  firstDeadlines(): [number | undefined, number | undefined] {
    return [this.data.queueExpiries.peek()?.deadline, this.#scheduled()[0]?.deadline];
  }

  #scheduled(): { session: Session; number: number; deadline: number; isScheduled: boolean }[] {
    return this.#expiries
      .filter(({ isScheduled }) => isScheduled)
      .sort(
        (left, right) =>
          left.deadline - right.deadline ||
          Number(left.session.client > right.session.client) -
            Number(left.session.client < right.session.client) ||
          left.number - right.number,
      );
  }

  #forget(session: Session, number: number): void {
    this.#expiries = this.#expiries.filter(
      (expiry) => expiry.session !== session || expiry.number !== number,
    );
  }
}

test('messages expire in the order of their deadlines, then of client ids and numbers, after any changes of the queues', () => {
  const place = fc.integer({ min: 0, max: 2 });
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('append' as const),
        place,
        qos: fc.constantFrom<QoS>(1, 1, 2),
        count: fc.integer({ min: 1, max: 30 }),
        delaysMs: fc.array(fc.constantFrom(0, 1, 2, 3, 5, 8, 20, 50, Infinity), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('remove' as const),
        place,
        from: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        count: fc.integer({ min: 1, max: 40 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('toggle' as const), place }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(0, 1, 2, 3, 10) }),
    },
  );
  let count = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const model = new Model();
      for (const each of [...steps, { kind: 'pass' as const, ms: 100 }]) {
        if (each.kind === 'append')
          for (let left = each.count; left > 0; left--)
            model.append(each.place, each.qos, each.delaysMs[left % each.delaysMs.length]!);
        else if (each.kind === 'remove') model.remove(each.place, each.from, each.count);
        else if (each.kind === 'toggle') model.toggle(each.place);
        else {
          const [expired, expected] = model.pass(each.ms);
          expect(expired).toEqual(expected);
          count += expired.length;
        }
        const [first, expectedFirst] = model.firstDeadlines();
        expect(first).toBe(expectedFirst);
      }
    }),
  );
  expect(count).toBeGreaterThan(1_000);
});
