import { jest } from '@jest/globals';
import type { AccessSubject } from '@mqtt-cluster/contracts';
import { sessionCookie, sessionIdOf, endedCookie } from '../../src/web/cookie.ts';
import { Sessions } from '../../src/web/sessions.ts';

const minuteMs = 60_000;
let nowMs = 0;
let removed = new Set<AccessSubject>();
let sessions: Sessions;

beforeEach(() => {
  nowMs = 1_000;
  removed = new Set();
  sessions = new Sessions({ isCurrent: (subject) => !removed.has(subject), now: () => nowMs });
});
afterEach(() => sessions.stop());

function subjectOf(user: string): AccessSubject {
  const identity = {
    source: 'cluster' as const,
    user,
    groups: [],
    client: '',
    address: '',
    listener: '$http',
  };
  return { identity, role: 'operator' };
}

function open(user: string, subject = subjectOf(user)): string {
  return sessions.open({ user, role: 'operator', subject });
}

test('each session has a long random id, and only this id finds it', () => {
  const ids = new Set(Array.from({ length: 20 }, () => open('otto')));
  expect(ids.size).toBe(20);
  for (const id of ids) {
    expect(id).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(sessions.find(id)).toMatchObject({ user: 'otto', role: 'operator' });
  }
  expect(sessions.find('A'.repeat(43))).toBeNull();
  expect(sessions.find('')).toBeNull();
});

test('a session ends 30 minutes after its last request', () => {
  const id = open('otto');
  for (let times = 0; times < 5; times++) {
    nowMs += 29 * minuteMs;
    expect(sessions.find(id)).not.toBeNull();
  }
  nowMs += 30 * minuteMs;
  expect(sessions.find(id)).toBeNull();
  expect(sessions.size).toBe(0);
});

test('a session ends 12 hours after the sign-in, although it is used all the time', () => {
  const id = open('otto');
  for (let minutes = 20; minutes < 12 * 60; minutes += 20) {
    nowMs += 20 * minuteMs;
    expect(sessions.find(id)).not.toBeNull();
  }
  nowMs += 20 * minuteMs;
  expect(sessions.find(id)).toBeNull();
});

test('a session ends when its user is no longer current, and other sessions continue', () => {
  const otto = subjectOf('otto');
  const [first, second] = [open('otto', otto), open('vera')];
  removed.add(otto);
  expect(sessions.find(first)).toBeNull();
  expect(sessions.find(second)).not.toBeNull();
});

test('the listeners of a session are called once when it ends, also without a further request', () => {
  jest.useFakeTimers();
  try {
    const otto = subjectOf('otto');
    const session = sessions.find(open('otto', otto))!;
    let ended = 0;
    sessions.onEnd(session, () => (ended += 1));
    const remove = sessions.onEnd(session, () => (ended += 100));
    remove();
    jest.advanceTimersByTime(5_000);
    expect(ended).toBe(0);
    removed.add(otto);
    jest.advanceTimersByTime(1_000);
    expect(ended).toBe(1);
    jest.advanceTimersByTime(5_000);
    expect(ended).toBe(1);
    // The session has ended meanwhile.
    sessions.onEnd(session, () => (ended += 10));
    expect(ended).toBe(11);
  } finally {
    jest.useRealTimers();
  }
});

test('a user has at most 20 sessions and a member at most 500: the one used longest ago ends', () => {
  const other = open('vera');
  const ids = Array.from({ length: 20 }, () => open('otto'));
  sessions.find(ids[0]!);
  open('otto');
  expect(sessions.find(ids[0]!)).not.toBeNull();
  expect(sessions.find(ids[1]!)).toBeNull();
  expect(sessions.find(other)).not.toBeNull();
  for (let number = 0; number < 1_000; number++) open(`user-${number}`);
  expect(sessions.size).toBe(500);
  expect(sessions.find(other)).toBeNull();
});

test('the cookie is unreadable for scripts, is sent to no other site, and over TLS only for exactly this host', () => {
  const id = open('otto');
  expect(sessionCookie(id, false)).toBe(`mqtt-cluster=${id}; Path=/; HttpOnly; SameSite=Strict`);
  expect(sessionCookie(id, true)).toBe(
    `__Host-mqtt-cluster=${id}; Path=/; HttpOnly; SameSite=Strict; Secure`,
  );
  expect(endedCookie(true)).toMatch(/^__Host-mqtt-cluster=;.* Secure; Max-Age=0$/);
});

test('the cookie of a connection without TLS does not count on one with TLS, and neither of two different cookies counts', () => {
  const id = open('otto');
  expect(sessionIdOf({ cookie: `a=b; mqtt-cluster=${id}; c=d` }, false)).toBe(id);
  expect(sessionIdOf({ cookie: `mqtt-cluster=${id}` }, true)).toBeNull();
  expect(sessionIdOf({ cookie: `__Host-mqtt-cluster=${id}` }, true)).toBe(id);
  expect(sessionIdOf({ cookie: `__Host-mqtt-cluster=${id}` }, false)).toBeNull();
  const planted = `mqtt-cluster=${'x'.repeat(43)}`;
  for (const cookies of [`${planted}; mqtt-cluster=${id}`, `mqtt-cluster=${id}; ${planted}`])
    expect(sessionIdOf({ cookie: cookies }, false)).toBeNull();
  expect(sessionIdOf({ cookie: `mqtt-cluster=${id}; mqtt-cluster=${id}` }, false)).toBe(id);
  for (const cookie of ['mqtt-cluster=', 'mqtt-cluster', `xmqtt-cluster=${id}`, `mqtt-cluster=${id}x`, ';;='])
    expect(sessionIdOf({ cookie }, false)).toBeNull();
});
