import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { host } from '@mqtt-cluster/testing';
import { rejectDuplicateMemberId } from '../../src/node/duplicate-member-id.ts';

const rejectingConnack = Buffer.from([0x20, 2, 0, 2]);

let server: Server;
const sockets = new Set<Socket>();

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function closeServer(): Promise<void> {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await new Promise((resolve) => server.close(resolve));
}

const probe = (port: number): Promise<void> =>
  rejectDuplicateMemberId({ own: { id: 'a', host, port }, name: 'test' });

afterEach(closeServer);

test('a start is rejected when a busy process answers as this member after 800 ms', async () => {
  const port = await listen((socket) => void setTimeout(() => socket.write(rejectingConnack), 800));
  await expect(probe(port)).rejects.toMatchObject({
    code: 'LISTEN',
    message: `another process already serves as member "a" at ${host}:${port}: give each host its own id`,
  });
});

test('a start is permitted when the connection to the own address is closed, as a port forwarding does', async () => {
  const port = await listen((socket) => void socket.destroy());
  await expect(probe(port)).resolves.toBeUndefined();
});

test('a start is permitted when a process that is no member answers at the own address', async () => {
  const port = await listen((socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await expect(probe(port)).resolves.toBeUndefined();
});
