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
  /** The short hash of the commit, with `-dirty` if files differ from it; `unknown` outside of a repository. */
  readonly commit: string;
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
    commit: commitOf(),
    versions: {
      mosquitto: versionOf('mosquitto', ['-h']),
      'nats-server': versionOf('nats-server', ['--version']),
    },
  };
}

function commitOf(): string {
  const { stdout } = spawnSync('git', ['describe', '--always', '--dirty', '--exclude=*'], {
    encoding: 'utf8',
  });
  return stdout?.trim() || 'unknown';
}

function versionOf(program: string, args: readonly string[]): string {
  const path = findProgram(program);
  if (path === null) return 'not installed';
  const { stdout } = spawnSync(path, args, { encoding: 'utf8' });
  return /\d+\.\d+\.\d+/.exec(stdout ?? '')?.[0] ?? 'unknown';
}
