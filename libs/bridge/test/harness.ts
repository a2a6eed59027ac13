import { createBridge } from '../src/index.ts';
import type { BridgeOptions, BridgeTls, ListeningBridge } from '../src/index.ts';
import type { LinkState, Logger, MemberId, PeerMessage } from '@mqtt-cluster/contracts';
import { freePorts, host } from '@mqtt-cluster/testing';

/** Records the calls of one bridge's handlers and logger. Tests wait for conditions instead of sleeping. */
export class Recorder {
  readonly messages: { from: MemberId; message: PeerMessage }[] = [];
  readonly links: { peer: MemberId; state: LinkState }[] = [];
  readonly warnings: string[] = [];
  readonly #waiting = new Set<() => void>();

  readonly handlers = {
    onMessage: (from: MemberId, message: PeerMessage): void => {
      this.messages.push({ from, message });
      this.changed();
    },
    onLink: (peer: MemberId, state: LinkState): void => {
      this.links.push({ peer, state });
      this.changed();
    },
  };

  readonly logger: Logger = {
    debug: () => {},
    info: () => {},
    warn: (fields, message) => {
      this.warnings.push(`${message} ${JSON.stringify(fields)}`);
      this.changed();
    },
    error: () => {},
    child: () => this.logger,
  };

  changed(): void {
    for (const check of [...this.#waiting]) check();
  }

  /** Resolves as soon as the condition holds. Jest's time-out bounds the wait. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  state(peer: MemberId): LinkState | undefined {
    return this.links.findLast((link) => link.peer === peer)?.state;
  }

  untilState(peer: MemberId, state: LinkState): Promise<void> {
    return this.until(() => this.state(peer) === state);
  }

  from(peer: MemberId): PeerMessage[] {
    return this.messages.filter(({ from }) => from === peer).map(({ message }) => message);
  }
}

/** A member and the address of its cluster listener. */
export interface Site {
  readonly id: MemberId;
  readonly host: string;
  readonly port: number;
}

/** Returns one site per member, each with a port of its own on the test's loopback address. */
export async function freeSites(...ids: readonly MemberId[]): Promise<Site[]> {
  const ports = await freePorts(ids.length);
  return ids.map((id, index) => ({ id, host, port: ports[index]! }));
}

export interface RunningBridge {
  readonly bridge: ListeningBridge;
  readonly recorder: Recorder;
}

const started = new Set<ListeningBridge>();

export async function startBridge(
  sites: readonly Site[],
  self: MemberId,
  more: Partial<BridgeOptions> & { tls?: BridgeTls } = {},
): Promise<RunningBridge> {
  const recorder = new Recorder();
  const listen = sites.find(({ id }) => id === self)!;
  const bridge = createBridge({
    self,
    cluster: 'test',
    peers: sites,
    listen,
    handlers: recorder.handlers,
    logger: recorder.logger,
    ...more,
  });
  await bridge.start();
  started.add(bridge);
  return { bridge, recorder };
}

export async function stopBridge({ bridge }: RunningBridge): Promise<void> {
  started.delete(bridge);
  await bridge.stop();
}

export async function stopAll(): Promise<void> {
  const bridges = [...started];
  started.clear();
  await Promise.all(bridges.map((bridge) => bridge.stop()));
}
