import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { LabError } from '../errors.ts';
import { Pipe } from './pipe.ts';

/** `blackhole`: nothing passes and nobody is told, as with a pulled cable. `cut`: connections are reset. */
export type LinkMode = 'open' | 'blackhole' | 'cut';

export interface LinkConditions {
  readonly mode: LinkMode;
  /** Every piece of data waits delay ± jitter, in order, in each direction. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** In each direction; Infinity for no limit. */
  readonly bytesPerSecond: number;
  /** The share of TCP segments that are lost, in each direction, 0 to 1 (see {@link Pipe}). */
  readonly lossShare: number;
  /**
   * The direction in which nothing passes while the connection stays open and the other direction flows. What is held
   * comes after the heal, as TCP would send it again; it is not torn out of the stream.
   */
  readonly blocked: 'none' | 'forward' | 'backward';
}

export const healthyLink: LinkConditions = {
  mode: 'open',
  delayMs: 0,
  jitterMs: 0,
  bytesPerSecond: Infinity,
  lossShare: 0,
  blocked: 'none',
};

export interface LinkProxyOptions {
  readonly listenHost: string;
  /** 0: any free one; {@link LinkProxy.port} tells which. */
  readonly listenPort: number;
  readonly targetHost: string;
  readonly targetPort: number;
  readonly random?: () => number;
}

const connectionsMax = 1_000;

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** There and back. */
  readonly pipes: readonly [Pipe, Pipe];
}

/**
 * One direction of connecting between two members: a TCP proxy from one to the other whose conditions can be changed.
 * When the target's process is dead the proxy stops listening, so that its peer is refused as it would be without a proxy
 * between (a refused connection proves that the process is gone); {@link open} makes it listen again.
 */
export class LinkProxy {
  readonly #options: LinkProxyOptions;
  readonly #pairs = new Set<Pair>();
  readonly #waiting = new Set<Socket>();
  #server: Server | null = null;
  #port: number;
  #conditions: LinkConditions = healthyLink;
  /** Since {@link open}. Before that nobody listening only means that the target is still starting. */
  #reached = false;

  constructor(options: LinkProxyOptions) {
    this.#options = options;
    this.#port = options.listenPort;
  }

  get port(): number {
    return this.#port;
  }

  get listening(): boolean {
    return this.#server !== null;
  }

  /** @throws LabError when the address is taken. */
  async open(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer({ pauseOnConnect: true }, (near) => this.#accept(near));
    this.#server = server;
    this.#reached = false;
    const { listenHost } = this.#options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.#server = null;
        const why = error.code === 'EADDRINUSE' ? 'is already in use' : `can't be used (${error.code})`;
        reject(new LabError(`${listenHost}:${this.#port}, which a link needs, ${why}`));
      });
      server.listen({ host: listenHost, port: this.#port, exclusive: true }, resolve);
    });
    server.maxConnections = connectionsMax;
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** The target is known to be dead: stops listening. Connections end when the target's side says so. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
  }

  set(conditions: LinkConditions): void {
    this.#conditions = conditions;
    if (conditions.mode === 'cut') this.#resetAll();
    for (const { pipes } of this.#pairs) this.#inform(pipes);
    if (conditions.mode === 'open') {
      for (const near of this.#waiting) this.#dial(near);
      this.#waiting.clear();
    }
  }

  close(): void {
    this.refuse();
    this.#resetAll();
  }

  #inform([forward, backward]: readonly [Pipe, Pipe]): void {
    const { mode, blocked } = this.#conditions;
    const open = mode === 'open';
    forward.set({ ...this.#conditions, passing: open && blocked !== 'forward' });
    backward.set({ ...this.#conditions, passing: open && blocked !== 'backward' });
  }

  #resetAll(): void {
    for (const near of this.#waiting) near.resetAndDestroy();
    this.#waiting.clear();
    for (const { near, far } of [...this.#pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  #accept(near: Socket): void {
    near.on('error', () => near.destroy());
    near.once('close', () => this.#waiting.delete(near));
    near.setNoDelay(true);
    if (this.#conditions.mode === 'cut') near.resetAndDestroy();
    else if (this.#conditions.mode === 'blackhole') this.#waiting.add(near);
    else this.#dial(near);
  }

  #dial(near: Socket): void {
    const { targetHost, targetPort, random } = this.#options;
    const far = connect({ host: targetHost, port: targetPort, noDelay: true });
    let connected = false;
    const pipes = [new Pipe(near, far, random), new Pipe(far, near, random)] as const;
    const pair: Pair = { near, far, pipes };
    this.#pairs.add(pair);
    this.#inform(pipes);
    far.once('connect', () => {
      connected = true;
      this.#reached = true;
      for (const pipe of pipes) pipe.start();
    });
    far.on('error', () => far.destroy());
    near.once('close', () => {
      if (far.destroyed) this.#pairs.delete(pair);
      if (connected) pipes[0].sourceClosed();
      else far.destroy();
    });
    far.once('close', () => {
      if (near.destroyed) this.#pairs.delete(pair);
      // The peer learns of the end only after the listener has gone, if that is to go: its reconnect comes at once.
      if (!connected) near.resetAndDestroy();
      else void this.#probe().then(() => pipes[1].sourceClosed());
    });
  }

  /** Asks whether the target still listens. */
  #probe(): Promise<void> {
    const { targetHost, targetPort } = this.#options;
    return new Promise((resolve) => {
      const socket = connect({ host: targetHost, port: targetPort });
      socket.once('connect', () => socket.resetAndDestroy());
      socket.once('error', (error: NodeJS.ErrnoException) => {
        // Behind a pulled cable nobody would hear of it.
        const open = this.#conditions.mode === 'open';
        if (error.code === 'ECONNREFUSED' && open && this.#reached) this.refuse();
      });
      socket.once('close', () => resolve());
    });
  }
}
