import { jest } from '@jest/globals';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { MemberStatus, Notifier } from '@mqtt-cluster/contracts';
import { ServiceManager } from '../../src/health/service-manager.ts';

let told: string[];
let status: Partial<MemberStatus>;
let nowMs: number;
let answeredAtMs: number;
let asked: number;
let manager: ServiceManager;

beforeEach(() => {
  told = [];
  asked = 0;
  nowMs = 0;
  answeredAtMs = 0;
  status = { state: 'joining', reason: 'catching up', connections: 0, appliedIndex: 1, lastIndex: 9 };
  const tell =
    (text: string) =>
    async (more: unknown = '') =>
      void told.push(`${text}${String(more)}`);
  const notifier: Notifier = {
    ready: tell('READY'),
    status: tell('STATUS '),
    watchdog: tell('WATCHDOG'),
    extendStart: tell('EXTEND '),
    stopping: tell('STOPPING'),
    watchdogIntervalMs: 15_000,
  };
  const loopback = {
    get answeredAtMs() {
      return answeredAtMs;
    },
    ask: () => void asked++,
    stop: jest.fn(),
  };
  manager = new ServiceManager({
    notifier,
    logger: silentLogger,
    status: () => status as MemberStatus,
    now: () => nowMs,
    loopback,
  });
});

test('READY comes once, and only when the member has caught up; meanwhile it may take longer if it gets somewhere', () => {
  manager.tell();
  expect(told).toEqual(['EXTEND 10000', 'STATUS joining: catching up; 1 of 9 entries']);
  told = [];
  manager.tell();
  expect(told).toEqual(['STATUS joining: catching up; 1 of 9 entries']);
  status = { ...status, appliedIndex: 9, state: 'serving', reason: '' };
  manager.tell();
  manager.tell();
  expect(told.filter((text) => text === 'READY')).toHaveLength(1);
  expect(told.at(-1)).toBe('STATUS serving; 0 clients');
});

test('a member without a majority is READY as well: nobody is helped by its restart', () => {
  status = { ...status, state: 'isolated', reason: 'no majority' };
  manager.tell();
  expect(told).toContain('READY');
});

test('the watchdog is fed only while what it publishes to itself comes back', () => {
  manager.feed(15_000);
  expect(told).toEqual(['WATCHDOG']);
  nowMs = 15_001;
  manager.feed(15_000);
  expect(told).toEqual(['WATCHDOG']);
  answeredAtMs = 15_001;
  manager.feed(15_000);
  expect(told).toEqual(['WATCHDOG', 'WATCHDOG']);
  expect(asked).toBe(3);
});
