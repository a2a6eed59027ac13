import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGibibytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Over the last minute before the start: what else the machine did. */
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
  const searched = `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin`;
  const { stdout } = spawnSync(program, args, { env: { PATH: searched }, encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'not installed';
}
