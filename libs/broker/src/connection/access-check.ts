import type { AccessDecisions, ConnectionId } from '@mqtt-cluster/contracts';

/** Time of the event loop that one slice may take, ms. The clients' packets are handled between two slices. */
const sliceMs = 2;

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
  /** Connections that this run has not checked yet. */
  #waiting: Checked[] = [];
  #nextSlice: NodeJS.Immediate | null = null;

  constructor(decisions: AccessDecisions | undefined, connections: ReadonlyMap<ConnectionId, Checked>) {
    this.#decisions = decisions;
    this.#connections = connections;
    this.#version = decisions?.version ?? 0;
  }

  /** Starts a check if the decisions have changed. A change during a check starts it again. */
  run(): void {
    if (this.#decisions === undefined || this.#decisions.version === this.#version) return;
    this.#version = this.#decisions.version;
    this.#waiting = [...this.#connections.values()];
    this.#nextSlice ??= setImmediate(() => this.#slice());
  }

  stop(): void {
    if (this.#nextSlice) clearImmediate(this.#nextSlice);
    this.#nextSlice = null;
    this.#waiting = [];
  }

  #slice(): void {
    this.#nextSlice = null;
    const endMs = performance.now() + sliceMs;
    while (this.#waiting.length > 0 && performance.now() < endMs) this.#waiting.pop()?.checkAccess();
    if (this.#waiting.length > 0) this.#nextSlice = setImmediate(() => this.#slice());
  }
}
