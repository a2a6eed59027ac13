import { setImmediate as turn } from 'node:timers/promises';
import { silentLogger } from '@mqtt-cluster/contracts';
import { jest } from '@jest/globals';
import { AedesAdapter } from '../src/aedes/aedes-adapter.ts';
import type { AedesConnection } from '../src/aedes/aedes-adapter.ts';

/** Event loop turns in which Aedes completes its connect sequence. */
const turns = 20;
let adapter: AedesAdapter;
let events: string[];

beforeEach(async () => {
  events = [];
  adapter = new AedesAdapter('m1', silentLogger);
  await adapter.start();
});

afterEach(() => adapter.stop());

async function settle(): Promise<void> {
  for (let count = 0; count < turns; count++) await turn();
}

function openConnection(): AedesConnection {
  return adapter.openConnection(1, {
    onAccepted: () => {
      events.push('accepted');
    },
    onClosed: () => {
      events.push('closed');
    },
  });
}

test('Aedes accepts a client once and does not register it', async () => {
  const connection = openConnection();
  await settle();
  expect(events).toEqual(['accepted']);
  expect(adapter.clients).toBe(0);
  connection.close();
  await settle();
  expect(events).toEqual(['accepted']);
});

test('Aedes has no timer for a client that it has accepted', async () => {
  const started = jest.spyOn(globalThis, 'setTimeout');
  const stopped = jest.spyOn(globalThis, 'clearTimeout');
  openConnection();
  await settle();
  const left = new Set(started.mock.results.map(({ value }) => value as unknown));
  for (const [timer] of stopped.mock.calls) left.delete(timer);
  expect(started).toHaveBeenCalled();
  expect([...left]).toEqual([]);
  jest.restoreAllMocks();
});

test.each([0, 1, 2, 3])(
  'Aedes keeps no client whose connection closes %i turns after its CONNECT',
  async (turnsBefore) => {
    const connection = openConnection();
    for (let count = 0; count < turnsBefore; count++) await turn();
    connection.close();
    await settle();
    expect(events).toHaveLength(1);
    expect(adapter.clients).toBe(0);
  },
);
