import { setImmediate as turn } from 'node:timers/promises';
import { silentLogger } from '@mqtt-cluster/contracts';
import { AedesAdapter } from '../src/aedes/aedes-adapter.ts';
import type { AedesConnection } from '../src/aedes/aedes-adapter.ts';

/** Event loop turns in which Aedes completes its connect sequence. */
const turns = 20;
let adapter: AedesAdapter;

beforeEach(async () => {
  adapter = new AedesAdapter('m1', silentLogger);
  await adapter.start();
});

afterEach(() => adapter.stop());

/** Opens a connection and returns it after the connect sequence. `onAccepted` runs in the turn of the acceptance. */
async function accepted(onAccepted: (connection: AedesConnection) => void): Promise<AedesConnection> {
  const connection = adapter.openConnection(1, 0, {
    onAuthenticate: (accept) => {
      accept();
      onAccepted(connection);
    },
    onConnack: () => undefined,
    onPingresp: () => undefined,
    onKeepAliveTimeout: () => undefined,
    onClosed: () => undefined,
  });
  for (let count = 0; count < turns; count++) await turn();
  return connection;
}

test('Aedes has an accepted client registered until its connection closes', async () => {
  const connection = await accepted(() => undefined);
  expect(adapter.clients).toBe(1);
  connection.close();
  for (let count = 0; count < turns; count++) await turn();
  expect(adapter.clients).toBe(0);
});

test('Aedes keeps no client whose connection closes in the turn of its acceptance', async () => {
  const connection = await accepted((opened) => opened.close());
  expect(adapter.clients).toBe(0);
  connection.close();
  for (let count = 0; count < turns; count++) await turn();
  expect(adapter.clients).toBe(0);
});
