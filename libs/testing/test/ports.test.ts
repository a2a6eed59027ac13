import { once } from 'node:events';
import { createServer } from 'node:net';
import { freePorts, host } from '../src/index.ts';
import { addressOf } from '../src/ports.ts';

it('freePorts returns different ports on which a server can listen', async () => {
  const ports = [...(await freePorts(3)), ...(await freePorts(3))];
  expect(new Set(ports).size).toBe(6);
  for (const port of ports) {
    const server = createServer().listen(port, host);
    await once(server, 'listening');
    server.close();
  }
});

it('freePorts does not return a port that is in use', async () => {
  const [port] = await freePorts(1);
  const server = createServer().listen(port! + 1, host);
  await once(server, 'listening');
  expect(await freePorts(3)).not.toContain(port! + 1);
  server.close();
});

it('addressOf returns a different loopback address for each process id', () => {
  const pids = [1, 255, 256, 65_535, 65_536, 4_194_303];
  expect(pids.map(addressOf)).toEqual([
    '127.64.0.1',
    '127.64.0.255',
    '127.64.1.0',
    '127.64.255.255',
    '127.65.0.0',
    '127.127.255.255',
  ]);
});
