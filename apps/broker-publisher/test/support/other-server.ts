import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { host, until } from '@mqtt-cluster/testing';

/** A server of another product with its data in a temporary directory. `close` stops it and removes the directory. */
export abstract class OtherServer {
  readonly directory: string;
  readonly port: number;
  readonly #program: string;
  #process: ChildProcess | null = null;

  constructor(program: string, port: number) {
    this.#program = program;
    this.port = port;
    this.directory = mkdtempSync(join(tmpdir(), `${program}-`));
  }

  /** Returns the lines of the configuration file. */
  protected abstract configuration(): readonly string[];

  async start(): Promise<void> {
    const file = join(this.directory, 'server.conf');
    writeFileSync(file, `${this.configuration().join('\n')}\n`);
    this.#process = spawn(this.#program, ['-c', file], { stdio: 'ignore' });
    await until(() => accepts(this.port));
  }

  /** `SIGTERM` lets the server store its state, `SIGKILL` does not. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const running = this.#process;
    if (running === null) return;
    this.#process = null;
    const exited = once(running, 'exit');
    running.kill(signal);
    await exited;
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
