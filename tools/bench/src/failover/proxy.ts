import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findProgram, freePort, waitFor } from '@mqtt-cluster/kit';
import type { MemberPlace } from '@mqtt-cluster/lab';
import type { Processes } from '../processes.ts';
import type { Place } from './protocol.ts';

const host = '127.0.0.1';
const startMsMax = 5_000;

interface Proxy {
  readonly address: Place;
  readonly stop: () => Promise<void>;
}

/** Starts a proxy that sends all connections to the first member while that is healthy, then to the next one. */
export type StartProxy = (members: readonly MemberPlace[]) => Promise<Proxy>;

/** Returns why no proxy can be started on this machine, or null. */
export function proxyMissing(): string | null {
  return findProgram('haproxy') === null ? 'haproxy is not installed (apt-get install haproxy)' : null;
}

/** Starts HAProxy with the health checks of the playbooks (role `virtual_address`). */
export async function startProxy(
  processes: Processes,
  folder: string,
  members: readonly MemberPlace[],
): Promise<Proxy> {
  const port = await freePort(host);
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(port, members));
  const started = processes.start('haproxy', 'haproxy', ['-db', '-f', file], join(folder, 'haproxy.log'));
  await waitFor('HAProxy to listen', async () => ((await accepts(port)) ? true : undefined), {
    timeoutMs: startMsMax,
    intervalMs: 20,
  });
  return { address: { id: 'proxy', host, port }, stop: () => processes.stop([started]) };
}

function configuration(port: number, members: readonly MemberPlace[]): string {
  const servers = members.map(
    ({ id, host: address, mqttPort, httpPort }, position) =>
      `  server ${id} ${address}:${mqttPort} check port ${httpPort}${position === 0 ? '' : ' backup'}`,
  );
  return `${[
    'defaults',
    '  mode tcp',
    '  timeout connect 2s',
    '  timeout client 2h',
    '  timeout server 2h',
    '  timeout check 2s',
    '  option httpchk GET /readyz',
    '  http-check expect status 200',
    '  default-server inter 1s fall 2 rise 2 on-marked-down shutdown-sessions',
    '  option redispatch 1',
    '  retries 2',
    'listen mqtt',
    `  bind ${host}:${port}`,
    ...servers,
  ].join('\n')}\n`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const answer = (accepted: boolean): void => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
