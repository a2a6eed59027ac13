import { once } from 'node:events';
import { createServer } from 'node:net';

export interface Ports {
  readonly mqtt: number;
  readonly http: number;
  readonly cluster: number;
}

/** Below those that systems give to outgoing connections (from 32,768 on Linux): such a connection could have it by the time it is used. */
const firstPort = 12_000;
const portsMax = 20_000;
const triesMax = 100;

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer().listen(port, host);
  const listens = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!listens) return false;
  server.close();
  await once(server, 'close');
  return true;
}

async function freePort(host: string): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = firstPort + Math.floor(Math.random() * portsMax);
    if (await isFree(port, host)) return port;
  }
  throw new Error(`no free port was found on ${host}`);
}

export async function freePorts(host = '127.0.0.1'): Promise<Ports> {
  return { mqtt: await freePort(host), http: await freePort(host), cluster: await freePort(host) };
}
