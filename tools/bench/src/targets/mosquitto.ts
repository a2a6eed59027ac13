import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, freePort } from '@mqtt-cluster/kit';
import type { Processes } from '../processes.ts';
import type { RunningTarget, StartOptions, Target } from './target.ts';

const host = '127.0.2.20';
const program = findProgram('mosquitto');

/**
 * One mosquitto broker. It acknowledges messages without waiting for the disk; with `persistence` it writes a file from time
 * to time.
 */
export const mosquitto: Target = {
  name: 'mosquitto',
  description: 'mosquitto, one broker; nothing is synced',
  sessions: 'clean',
  qosLevels: [0, 1, 2],
  qosByDefault: [0, 1, 2],
  unavailable: () => (program === null ? 'mosquitto is not installed' : null),
  start: (processes, directory, { clean }) => startMosquitto(processes, directory, { clean }),
};

export interface MosquittoOptions extends StartOptions {
  /** Further lines of the configuration file. */
  readonly settings?: readonly string[];
}

/** Starts a mosquitto with its data in a directory. */
export async function startMosquitto(
  processes: Processes,
  directory: string,
  { clean, settings: more = [] }: MosquittoOptions,
): Promise<RunningTarget> {
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
    // As root, mosquitto would change to a user that may not write to this directory.
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    ...more,
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  const started = processes.start('mosquitto', program!, ['-c', file], join(directory, 'mosquitto.log'));
  return { endpoints: [{ host, port }], processes: [started] };
}
