import type { Socket } from 'node:net';
import { ConnectRate, networkOf } from '@mqtt-cluster/contracts';
import {
  authenticationTimeoutMs,
  connectionsPerPeer,
  strangersMax,
  strangersPerSecond,
  unauthenticatedPerNetworkMax,
} from '../bounds.ts';

interface Newcomer {
  readonly socket: Socket;
  readonly network: string;
  readonly timer: NodeJS.Timeout;
}

export interface NewcomersOptions {
  /** Number of configured peers. */
  readonly peers: number;
  readonly isPeerNetwork: (network: string) => boolean;
  /** Called when a newcomer loses its place, or gets none. */
  readonly onRemoved: (address: string, reason: NewcomerFault) => void;
  /** Monotonic clock, ms. */
  readonly now: () => number;
}

/** `rate`: its network opens connections too fast. */
export type NewcomerFault = 'timeout' | 'displaced' | 'rate';

/**
 * The connections to the cluster listener that have not been authenticated yet. They are few and short, so that a
 * stranger takes no place that a peer needs: each network has few places, strangers share a small number of places in
 * total, and networks of peers have places of their own. When the places are taken, the oldest newcomer of the
 * network that holds most of them is closed. A newcomer behind the address of a peer can therefore delay the peer, but
 * not keep it away. A network of strangers that opens connections too fast gets no place for the excess, so its
 * handshakes take no processor time from the clients of the member.
 */
export class Newcomers {
  readonly #options: NewcomersOptions;
  /** The newcomers of each network, the oldest first. */
  readonly #networks = new Map<string, Map<Socket, Newcomer>>();
  readonly #strangers = new ConnectRate(strangersPerSecond);

  constructor(options: NewcomersOptions) {
    this.#options = options;
  }

  /**
   * Adds a connection, or closes it at once. It is closed later unless {@link remove} is called within
   * {@link authenticationTimeoutMs}.
   */
  add(socket: Socket): void {
    const address = socket.remoteAddress;
    if (address === undefined) {
      // The connection has ended already.
      socket.destroy();
      return;
    }
    const network = networkOf(address);
    const { isPeerNetwork, now, onRemoved } = this.#options;
    if (!isPeerNetwork(network) && !this.#strangers.admit(network, now())) {
      socket.destroy();
      onRemoved(address, 'rate');
      return;
    }
    this.#makeRoom(network);
    const timer = setTimeout(() => this.#close(newcomer, 'timeout'), authenticationTimeoutMs);
    const newcomer: Newcomer = { socket, network, timer };
    const others = this.#networks.get(network);
    if (others === undefined) this.#networks.set(network, new Map([[socket, newcomer]]));
    else others.set(socket, newcomer);
    socket.once('close', () => this.remove(socket));
  }

  /** Ends the bounds for a connection: it was authenticated or has ended. */
  remove(socket: Socket): void {
    for (const [network, newcomers] of this.#networks) {
      const newcomer = newcomers.get(socket);
      if (newcomer === undefined) continue;
      clearTimeout(newcomer.timer);
      newcomers.delete(socket);
      if (newcomers.size === 0) this.#networks.delete(network);
      return;
    }
  }

  /** Forgets the networks that have opened no connection lately. */
  sweep(): void {
    this.#strangers.sweep(this.#options.now());
  }

  /** Returns the newcomer at a remote address and port, or undefined. */
  find(address: string | undefined, port: number | undefined): Socket | undefined {
    if (address === undefined) return undefined;
    const newcomers = this.#networks.get(networkOf(address))?.keys() ?? [];
    for (const socket of newcomers)
      if (socket.remoteAddress === address && socket.remotePort === port) return socket;
    return undefined;
  }

  #makeRoom(network: string): void {
    const { peers, isPeerNetwork } = this.#options;
    const own = this.#networks.get(network);
    const isPeer = isPeerNetwork(network);
    const ownMax = unauthenticatedPerNetworkMax + (isPeer ? peers * connectionsPerPeer : 0);
    if (own !== undefined && own.size >= ownMax) return this.#displaceOldest(own);
    if (isPeer) return;
    const strangers = [...this.#networks]
      .filter(([other]) => !isPeerNetwork(other))
      .map(([, found]) => found);
    const total = strangers.reduce((sum, { size }) => sum + size, 0);
    if (total < strangersMax) return;
    this.#displaceOldest(strangers.reduce((most, each) => (each.size > most.size ? each : most)));
  }

  #displaceOldest(newcomers: ReadonlyMap<Socket, Newcomer>): void {
    const [oldest] = newcomers.values();
    if (oldest !== undefined) this.#close(oldest, 'displaced');
  }

  #close({ socket }: Newcomer, reason: 'timeout' | 'displaced'): void {
    const { remoteAddress = '' } = socket;
    this.remove(socket);
    socket.destroy();
    this.#options.onRemoved(remoteAddress, reason);
  }
}
