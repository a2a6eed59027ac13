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

/** Opens a connection and returns it after the connect sequence. `onAcceptance` runs in the turn of the acceptance. */
async function accepted(onAcceptance: (connection: AedesConnection) => void): Promise<AedesConnection> {
  const connection = adapter.openConnection(1, {
    onAuthenticate: (accept) => {
      events.push('authenticate');
      accept();
      onAcceptance(connection);
    },
    onAccepted: () => {
      events.push('accepted');
    },
    onClosed: () => {
      events.push('closed');
    },
  });
  await settle();
  return connection;
}

test('Aedes accepts a client once and does not register it', async () => {
  const connection = await accepted(() => undefined);
  expect(events).toEqual(['authenticate', 'accepted']);
  expect(adapter.clients).toBe(0);
  connection.close();
  await settle();
  expect(events).toEqual(['authenticate', 'accepted']);
});

test('Aedes has no timer for a client that it has accepted', async () => {
  const started = jest.spyOn(globalThis, 'setTimeout');
  const stopped = jest.spyOn(globalThis, 'clearTimeout');
  await accepted(() => undefined);
  const left = new Set(started.mock.results.map(({ value }) => value as unknown));
  for (const [timer] of stopped.mock.calls) left.delete(timer);
  expect(started).toHaveBeenCalled();
  expect([...left]).toEqual([]);
  jest.restoreAllMocks();
});

test('Aedes keeps no client whose connection closes in the turn of its acceptance', async () => {
  const connection = await accepted((opened) => opened.close());
  expect(events).toEqual(['authenticate', 'closed']);
  expect(adapter.clients).toBe(0);
  connection.close();
  await settle();
  expect(adapter.clients).toBe(0);
});
