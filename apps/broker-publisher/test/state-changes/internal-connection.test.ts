import type { ClientInput } from '@mqtt-cluster/contracts';
import { InternalConnection } from '../../src/state-changes/internal-connection.ts';

const message = { topic: 'x', payload: new Uint8Array(), qos: 1, retain: true } as const;

async function openConnection(inputs: ClientInput[]): Promise<InternalConnection> {
  const connection = new InternalConnection(
    -1,
    (input) => inputs.push(input),
    () => {},
  );
  const opened = connection.open({
    client: 'c',
    clean: true,
    sessionExpirySeconds: 0,
    receiveMaximum: 1,
  });
  connection.onEffect({ kind: 'connack', connection: -1, epoch: 1, sessionPresent: false });
  await opened;
  return connection;
}

test('a publish with a degraded acknowledgement is not committed, so it is rejected', async () => {
  const connection = await openConnection([]);
  const published = connection.publish(message);
  connection.onEffect({ kind: 'puback', connection: -1, packetId: 1, result: 'ok', degraded: true });
  await expect(published).rejects.toThrow('this member has lost its majority');
});

test('a publish beyond the bound on waiting messages is rejected', async () => {
  const connection = await openConnection([]);
  const published = connection.publish(message);
  connection.onEffect({ kind: 'puback', connection: -1, packetId: 1, result: 'quotaExceeded' });
  await expect(published).rejects.toThrow('bound');
});

test('the end of the connection rejects its publishes that are not acknowledged, and no input follows', async () => {
  const inputs: ClientInput[] = [];
  const connection = await openConnection(inputs);
  const published = connection.publish(message);
  connection.onEffect({ kind: 'close', connection: -1, reason: 'draining' });
  await expect(published).rejects.toThrow('this member is draining');
  await expect(connection.publish(message)).rejects.toThrow('this member is draining');
  connection.end();
  expect(inputs.map(({ kind }) => kind)).toEqual(['connect', 'publish']);
});
