import { ClientServer } from './client-server.ts';
import type { MeasuredClientFactory } from './measured-client.ts';
import type { Answer, Command } from './protocol.ts';

/** Measured clients, to which the bench sends commands. */
export interface ClientHost {
  /** Sends one command and returns its answer. @throws Error the command failed */
  ask(command: Command): Promise<Answer>;
  end(): void;
}

/** Returns a host of clients that are programs of their own, which the bench starts itself. */
export function localHost(factories: readonly MeasuredClientFactory[]): ClientHost {
  const server = new ClientServer(factories);
  return { ask: (command) => server.carryOut(command), end: () => undefined };
}
