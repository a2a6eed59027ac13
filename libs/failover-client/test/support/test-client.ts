import { createFailoverClient, rendezvousOrder } from '../../src/index.ts';
import type {
  ConnectedEvent,
  FailoverClient,
  FailoverClientOptions,
  FailoverEvent,
} from '../../src/index.ts';
import { FakeServer } from './fake-server.ts';
import type { FakeOptions } from './fake-server.ts';

const timings = {
  // Long enough for a busy machine; some tests wait for it.
  connectTimeoutMs: 1_000,
  pingIntervalMs: 40,
  silenceMsMax: 160,
  retryDelayMsMin: 5,
  retryDelayMsMax: 20,
  stableAfterMs: 0,
  drainLeaveMsMax: 1,
  stopDrainMsMax: 0,
};

const running: { stop(): Promise<void> }[] = [];
const fakes: FakeServer[] = [];

/** Call from `afterEach`: stops what the test started. */
export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((client) => client.stop()));
  await Promise.all(fakes.splice(0).map((fake) => fake.die()));
}

export async function server(options: FakeOptions = {}): Promise<FakeServer> {
  const fake = await new FakeServer(options).start();
  fakes.push(fake);
  return fake;
}

/** Servers a, b, c ... in the order in which `client` prefers them. */
export async function inOrder(count: number, options: readonly FakeOptions[] = []): Promise<FakeServer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => server(options[index])));
}

export interface Watched {
  readonly client: FailoverClient;
  readonly connects: ConnectedEvent[];
  readonly failovers: FailoverEvent[];
  readonly messages: string[];
  /** Resolves at the next call of that handler. */
  next(event: 'connect' | 'failover' | 'message' | 'disconnect' | 'givenUp'): Promise<unknown>;
}

export function watch(servers: readonly FakeServer[], options: Partial<FailoverClientOptions> = {}): Watched {
  const ids = rendezvousOrder(
    options.clientId ?? 'client',
    [...servers.keys()].map((index) => `s${index}`),
  );
  const waiting = new Map<string, ((value: unknown) => void)[]>();
  const tell = (event: string, value: unknown): void => {
    for (const resolve of waiting.get(event)?.splice(0) ?? []) resolve(value);
  };
  const connects: ConnectedEvent[] = [];
  const failovers: FailoverEvent[] = [];
  const messages: string[] = [];
  const client = createFailoverClient({
    // The first server given is the one that the client likes best.
    servers: servers.map(({ url }, index) => ({ id: ids[index] ?? '', url })),
    clientId: 'client',
    discover: false,
    timings,
    onConnect: (event) => {
      connects.push(event);
      tell('connect', event);
    },
    onFailover: (event) => {
      failovers.push(event);
      tell('failover', event);
    },
    onDisconnect: (event) => tell('disconnect', event),
    onGivenUp: (reason) => tell('givenUp', reason),
    onMessage: (message) => {
      messages.push(Buffer.from(message.payload).toString());
      tell('message', message);
    },
    ...options,
  });
  running.push(client);
  return {
    client,
    connects,
    failovers,
    messages,
    next: (event) => new Promise((resolve) => waiting.set(event, [...(waiting.get(event) ?? []), resolve])),
  };
}
