import { createFailoverClient, rendezvousOrder } from '../../src/index.ts';
import type {
  ConnectedEvent,
  FailoverClient,
  FailoverClientOptions,
  FailoverEvent,
} from '../../src/index.ts';
import { FakeServer } from './fake-server.ts';
import type { FakeServerOptions } from './fake-server.ts';

const timings = {
  // Long enough for a busy machine. Some tests wait for this timeout.
  connectTimeoutMs: 1_000,
  pingIntervalMs: 40,
  silenceMsMax: 160,
  retryDelayMsMin: 5,
  retryDelayMsMax: 20,
  refusedDelayMsMin: 5,
  refusedDelayMsMax: 20,
  stableAfterMs: 0,
  drainLeaveMsMax: 1,
  stopDrainMsMax: 0,
};

const running: { stop(): Promise<void> }[] = [];
const fakes: FakeServer[] = [];

/** Stops all clients and servers of the test. Must be called from `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((client) => client.stop()));
  await Promise.all(fakes.splice(0).map((fake) => fake.kill()));
}

export async function startServer(options: FakeServerOptions = {}): Promise<FakeServer> {
  const fake = await new FakeServer(options).start();
  fakes.push(fake);
  return fake;
}

/** Starts servers. The client of {@link createTestClient} prefers them in the order of the list. */
export async function startServers(
  count: number,
  options: readonly FakeServerOptions[] = [],
): Promise<FakeServer[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => startServer(options[index])));
}

export interface TestClient {
  readonly client: FailoverClient;
  readonly connects: ConnectedEvent[];
  readonly failovers: FailoverEvent[];
  readonly messages: string[];
  /** Resolves with the next event of this kind. */
  next(event: 'connect' | 'failover' | 'message' | 'disconnect' | 'stopped'): Promise<unknown>;
}

/** Creates a client that records its events. */
export function createTestClient(
  servers: readonly FakeServer[],
  options: Partial<FailoverClientOptions> = {},
): TestClient {
  const ids = rendezvousOrder(
    options.clientId ?? 'client',
    [...servers.keys()].map((index) => `s${index}`),
  );
  const waiting = new Map<string, ((value: unknown) => void)[]>();
  const emit = (event: string, value: unknown): void => {
    for (const resolve of waiting.get(event)?.splice(0) ?? []) resolve(value);
  };
  const connects: ConnectedEvent[] = [];
  const failovers: FailoverEvent[] = [];
  const messages: string[] = [];
  const client = createFailoverClient({
    // The ids are chosen so that the client prefers the servers in the order of the list.
    servers: servers.map(({ url }, index) => ({ id: ids[index] ?? '', url })),
    clientId: 'client',
    discover: false,
    timings,
    onConnect: (event) => {
      connects.push(event);
      emit('connect', event);
    },
    onFailover: (event) => {
      failovers.push(event);
      emit('failover', event);
    },
    onDisconnect: (event) => emit('disconnect', event),
    onStopped: (reason) => emit('stopped', reason),
    onMessage: (message) => {
      messages.push(Buffer.from(message.payload).toString());
      emit('message', message);
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
