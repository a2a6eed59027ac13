import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { findProgram } from '@mqtt-cluster/kit';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the last minute before the bench started, which shows other load on the machine. */
  readonly loadAverage: number;
  readonly versions: Readonly<Record<string, string>>;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    processor: all[0]?.model ?? 'unknown',
    cores: all.length,
    memoryGibibytes: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
    versions: {
      mosquitto: versionOf('mosquitto', ['-h']),
      'nats-server': versionOf('nats-server', ['--version']),
    },
  };
}

function versionOf(program: string, args: readonly string[]): string {
  const path = findProgram(program);
  if (path === null) return 'not installed';
  const { stdout } = spawnSync(path, args, { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'unknown';
}
