import type { AccessDecisions, ConnectionId } from '@mqtt-cluster/contracts';
import { SlicedRun } from '../flow-control/sliced-run.ts';

interface Checked {
  /** Closes the connection if its client has lost a right that it uses. */
  checkAccess(): void;
}

/**
 * Checks all connected clients again after a change of the access decisions, in slices, so that many clients do not
 * block the event loop.
 */
export class AccessCheck {
  readonly #decisions: AccessDecisions | undefined;
  readonly #connections: ReadonlyMap<ConnectionId, Checked>;
  #version: number;
  readonly #run = new SlicedRun<Checked>({ visit: (connection) => connection.checkAccess() });

  constructor(decisions: AccessDecisions | undefined, connections: ReadonlyMap<ConnectionId, Checked>) {
    this.#decisions = decisions;
    this.#connections = connections;
    this.#version = decisions?.version ?? 0;
  }

  /** Starts a check if the decisions have changed. A change during a check starts it again. */
  run(): void {
    if (this.#decisions === undefined || this.#decisions.version === this.#version) return;
    this.#version = this.#decisions.version;
    this.#run.start(this.#connections.values());
  }

  stop(): void {
    this.#run.stop();
  }
}
