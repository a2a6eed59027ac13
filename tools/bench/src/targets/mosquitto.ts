import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './network.ts';
import type { Target } from './target.ts';

const host = '127.0.2.20';
const program = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto'].find((path) => existsSync(path));

/** One broker without any wait for a disk: its `persistence` is a file written now and then. */
export const mosquitto: Target = {
  name: 'mosquitto',
  description: 'mosquitto, one broker; nothing is synced',
  sessions: 'clean',
  qosLevels: [0, 1, 2],
  qosByDefault: [0, 1, 2],
  unavailable: () => (program === undefined ? 'mosquitto is not installed' : null),
  async start(processes, directory, { clean }) {
    const port = await freePort(host);
    const file = join(directory, 'mosquitto.conf');
    const settings = [
      `listener ${port} ${host}`,
      'allow_anonymous true',
      'set_tcp_nodelay true',
      'max_inflight_messages 1000',
      'max_queued_messages 100000',
      'log_dest stderr',
      'log_type error',
      'log_type warning',
      `persistence ${clean ? 'false' : 'true'}`,
      ...(clean ? [] : [`persistence_location ${directory}/`]),
    ];
    writeFileSync(file, `${settings.join('\n')}\n`);
    const started = processes.start('mosquitto', program!, ['-c', file], join(directory, 'mosquitto.log'));
    return { endpoints: [{ host, port }], processes: [started] };
  },
};
