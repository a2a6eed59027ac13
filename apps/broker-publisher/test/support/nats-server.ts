import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, host, until } from '@mqtt-cluster/testing';

/** A nats-server with JetStream and its data in a temporary directory. `close` stops it and removes the directory. */
export class NatsServer {
  readonly #directory = mkdtempSync(join(tmpdir(), 'nats-'));
  readonly #port: number;
  readonly #settings: readonly string[];
  #process: ChildProcess | null = null;

  private constructor(port: number, settings: readonly string[]) {
    this.#port = port;
    this.#settings = settings;
  }

  /** @param settings lines of the configuration file, besides the listener and JetStream */
  static async start(settings: readonly string[] = []): Promise<NatsServer> {
    const [port = 0] = await freePorts(1);
    const server = new NatsServer(port, settings);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://${this.address}`;
  }

  get address(): string {
    return `${host}:${this.#port}`;
  }

  async start(): Promise<void> {
    const file = join(this.#directory, 'nats.conf');
    const lines = [
      `listen: "${this.address}"`,
      `jetstream { store_dir: "${this.#directory}" }`,
      ...this.#settings,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    this.#process = spawn('nats-server', ['-c', file], { stdio: 'ignore' });
    await until(() => accepts(this.#port));
  }

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
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
