import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, until } from '@mqtt-cluster/testing';

/** A mosquitto with its data in a temporary directory. `close` stops it and removes the directory. */
export class Mosquitto {
  readonly directory = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  readonly port: number;
  readonly #settings: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.#settings = settings;
  }

  /** @param settings lines of the configuration file, besides the listener */
  static async start(settings: readonly string[] = ['allow_anonymous true']): Promise<Mosquitto> {
    const [port = 0] = await freePorts(1);
    const mosquitto = new Mosquitto(port, settings);
    await mosquitto.start();
    return mosquitto;
  }

  get url(): string {
    return `mqtt://${host}:${this.port}`;
  }

  async start(): Promise<void> {
    const file = join(this.directory, 'mosquitto.conf');
    const lines = [
      `listener ${this.port} ${host}`,
      'persistence true',
      `persistence_location ${this.directory}/`,
      'max_queued_messages 0',
      // Without this setting a mosquitto that root starts changes to a user that cannot read the directory.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      ...this.#settings,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    this.#process = spawn('mosquitto', ['-c', file], { stdio: 'ignore' });
    await until(() => accepts(this.port));
  }

  /** `SIGTERM` lets mosquitto store its sessions, `SIGKILL` does not. */
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
