import { jest } from '@jest/globals';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MemberStatus, Notifier } from '@mqtt-cluster/contracts';
import { ServiceManagerReporter } from '../../src/health/service-manager-reporter.ts';

let notifications: string[];
let status: Partial<MemberStatus>;
let nowMs: number;
let lastAnswerMs: number;
let probes: number;
let reporter: ServiceManagerReporter;

beforeEach(() => {
  notifications = [];
  probes = 0;
  nowMs = 0;
  lastAnswerMs = 0;
  status = { state: 'joining', reason: 'catching up', connections: 0, appliedIndex: 1, lastIndex: 9 };
  const record =
    (text: string) =>
    async (value: unknown = '') =>
      void notifications.push(`${text}${String(value)}`);
  const notifier: Notifier = {
    ready: record('READY'),
    status: record('STATUS '),
    watchdog: record('WATCHDOG'),
    extendStart: record('EXTEND '),
    stopping: record('STOPPING'),
    watchdogIntervalMs: 15_000,
  };
  const selfProbe = {
    get lastAnswerMs() {
      return lastAnswerMs;
    },
    probe: () => void probes++,
    stop: jest.fn(),
  };
  reporter = new ServiceManagerReporter({
    notifier,
    logger: silentLogger,
    status: () => status as MemberStatus,
    now: () => nowMs,
    everySecond: () => () => {},
    selfProbe,
  });
});

test('a member reports READY only once, after its catch-up, and extends the start timeout only while the catch-up makes progress', () => {
  reporter.reportStatus();
  expect(notifications).toEqual(['EXTEND 10000', 'STATUS joining: catching up; 1 of 9 entries']);
  notifications = [];
  reporter.reportStatus();
  expect(notifications).toEqual(['STATUS joining: catching up; 1 of 9 entries']);
  status = { ...status, appliedIndex: 9, state: 'serving', reason: '' };
  reporter.reportStatus();
  reporter.reportStatus();
  expect(notifications.filter((text) => text === 'READY')).toHaveLength(1);
  expect(notifications.at(-1)).toBe('STATUS serving; 0 clients');
});

test('an isolated member reports READY, because a restart would not help', () => {
  status = { ...status, state: 'isolated', reason: 'no majority' };
  reporter.reportStatus();
  expect(notifications).toContain('READY');
});

test('a member sends watchdog keep-alives only while its broker answers the self probe', () => {
  reporter.feedWatchdog(15_000);
  expect(notifications).toEqual(['WATCHDOG']);
  nowMs = 15_001;
  reporter.feedWatchdog(15_000);
  expect(notifications).toEqual(['WATCHDOG']);
  lastAnswerMs = 15_001;
  reporter.feedWatchdog(15_000);
  expect(notifications).toEqual(['WATCHDOG', 'WATCHDOG']);
  expect(probes).toBe(3);
});
