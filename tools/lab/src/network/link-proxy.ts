import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { resetSocket } from '@mqtt-cluster/kit';
import { LabError } from '../errors.ts';
import { describeListenError } from '../layout.ts';
import { Pipe } from './pipe.ts';

/** `blackhole`: no data passes and connections stay open, as with a pulled cable. `cut`: connections are reset. */
type LinkMode = 'open' | 'blackhole' | 'cut';

export interface LinkConditions {
  readonly mode: LinkMode;
  /** The link delays each piece of data by delay ± jitter, in order, in each direction. */
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Rate limit in each direction; Infinity for no limit. */
  readonly bytesPerSecond: number;
  /** The share of lost TCP segments, in each direction, 0 to 1 (see {@link Pipe}). */
  readonly lossShare: number;
  /**
   * The direction in which no data passes. The connection stays open and the other direction works. After the heal the
   * proxy passes the held data, as TCP would retransmit it, so the stream has no gaps.
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
  /** Port on which the proxy listens; 0 selects any free port, see {@link LinkProxy.port}. */
  readonly listenPort: number;
  readonly targetHost: string;
  readonly targetPort: number;
  readonly random?: () => number;
}

const connectionsMax = 1_000;

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** The forward pipe and the backward pipe. */
  readonly pipes: readonly [Pipe, Pipe];
}

/**
 * A TCP proxy for the connections that one member opens to another, with changeable conditions. When the target's process
 * has ended, the proxy stops listening. The connection attempts of the peer then fail as they would fail without a proxy,
 * so the peer detects that the process has ended. {@link open} makes the proxy listen again.
 */
export class LinkProxy {
  readonly #options: LinkProxyOptions;
  readonly #pairs = new Set<Pair>();
  readonly #waiting = new Set<Socket>();
  #server: Server | null = null;
  #port: number;
  #conditions: LinkConditions = healthyLink;
  /**
   * Whether a connection has reached the target since {@link open}. Before that, a refused connection means that the
   * target is still starting.
   */
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

  /** Starts to listen. @throws LabError when the address is in use */
  async open(): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer({ pauseOnConnect: true }, (near) => this.#accept(near));
    this.#server = server;
    this.#reached = false;
    const { listenHost } = this.#options;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => {
        this.#server = null;
        reject(new LabError(describeListenError('a link', listenHost, this.#port, error.code)));
      });
      server.listen({ host: listenHost, port: this.#port, exclusive: true }, resolve);
    });
    server.maxConnections = connectionsMax;
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#port = address.port;
  }

  /** Stops listening, because the target's process has ended. An open connection ends when the target's socket closes. */
  refuse(): void {
    this.#server?.close();
    this.#server = null;
  }

  /** Changes the conditions of all connections, open and new. */
  set(conditions: LinkConditions): void {
    this.#conditions = conditions;
    if (conditions.mode === 'cut') this.#resetAll();
    for (const { pipes } of this.#pairs) this.#applyTo(pipes);
    if (conditions.mode === 'open') {
      for (const near of this.#waiting) this.#dial(near);
      this.#waiting.clear();
    }
  }

  close(): void {
    this.refuse();
    this.#resetAll();
  }

  #applyTo([forward, backward]: readonly [Pipe, Pipe]): void {
    const { mode, blocked } = this.#conditions;
    const open = mode === 'open';
    forward.set({ ...this.#conditions, passing: open && blocked !== 'forward' });
    backward.set({ ...this.#conditions, passing: open && blocked !== 'backward' });
  }

  #resetAll(): void {
    for (const near of this.#waiting) resetSocket(near);
    this.#waiting.clear();
    for (const { near, far } of [...this.#pairs]) {
      resetSocket(near);
      resetSocket(far);
    }
  }

  #accept(near: Socket): void {
    near.on('error', () => near.destroy());
    near.once('close', () => this.#waiting.delete(near));
    near.setNoDelay(true);
    if (this.#conditions.mode === 'cut') resetSocket(near);
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
    this.#applyTo(pipes);
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
      // If the target no longer listens, the proxy must stop listening first: the peer reconnects at once.
      if (!connected) resetSocket(near);
      else void this.#probeTarget().then(() => pipes[1].sourceClosed());
    });
  }

  /** Tests whether the target listens, and stops listening if it does not. */
  #probeTarget(): Promise<void> {
    const { targetHost, targetPort } = this.#options;
    return new Promise((resolve) => {
      const socket = connect({ host: targetHost, port: targetPort });
      socket.once('connect', () => resetSocket(socket));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        // In a blackhole the proxy must keep listening: a peer behind a pulled cable would not detect the end of the process.
        const open = this.#conditions.mode === 'open';
        if (error.code === 'ECONNREFUSED' && open && this.#reached) this.refuse();
      });
      socket.once('close', () => resolve());
    });
  }
}
