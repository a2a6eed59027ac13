import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { JetStreamApiError } from '@nats-io/jetstream';
import { linkDefinitionSchema } from '@mqtt-cluster/contracts';
import { openNats } from '../../src/jetstream/nats-connection.ts';
import { refusalOf, serverFault } from '../../src/jetstream/server-faults.ts';
import { messagesAhead } from '../../src/jetstream/stream-reader.ts';
import { disjoint } from '../../src/jetstream/subjects.ts';

test('a text of the server is cut, and has no control characters', () => {
  const error = new JetStreamApiError({
    code: 500,
    err_code: 1,
    description: `a\n\u001b[31m${'x'.repeat(5_000)}`,
  });
  for (const text of [serverFault(error), refusalOf(error).text]) {
    expect(text).not.toMatch(/\p{Cc}/u);
    expect(text.length).toBeLessThan(210);
  }
});

test('an answer that is not valid is named as such', () => {
  expect(serverFault(new SyntaxError('Unexpected token < in JSON'))).toContain('an answer that is not valid');
});

test('a refused connection is named by its cause', () => {
  const cause = { code: 'ECONNREFUSED', message: 'connect ECONNREFUSED' };
  expect(serverFault(new Error('connection refused', { cause }))).toContain('nothing listens at the address');
});

test('the server sends few large messages ahead', () => {
  expect([1_000, 1_048_576, 8_388_608, 67_108_864].map((bytes) => messagesAhead(bytes))).toEqual([
    100, 16, 2, 1,
  ]);
});

test('filters of a consumer match no subject twice', () => {
  expect(disjoint(['a.>', 'a', 'a.b', 'a.>', 'c.*'])).toEqual(['a.>', 'a', 'c.*']);
  expect(disjoint(['q.*.b', 'q.c.*'])).toBeNull();
  expect(disjoint(['q.*.b', 'q.c'])).toEqual(['q.*.b', 'q.c']);
});

test('a connection that is closed while the server ends it makes no uncaught error', async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.write('INFO {"server_id":"a","version":"2.10.0","proto":1,"headers":true,"max_payload":1000}\r\n');
    socket.on('data', (bytes) => {
      if (bytes.toString().includes('PING')) socket.write('PONG\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const definition = linkDefinitionSchema.parse({
    kind: 'jetstream',
    addresses: [url],
    jetstream: { stream: 'S' },
    rules: [{ direction: 'in', filter: 'a/#' }],
  });
  try {
    const { nats } = await openNats({ url, name: 'test', definition, credentials: { tls: {} } as never });
    const client = (nats as unknown as { protocol: { transport: { socket: Socket } } }).protocol.transport
      .socket;
    await nats.close();
    // As a write that fails when the server has ended the connection.
    expect(() => client.emit('error', new Error('EPIPE'))).not.toThrow();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
