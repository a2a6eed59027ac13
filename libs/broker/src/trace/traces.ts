import type { ClientId } from '@mqtt-cluster/contracts';
import { PacketTrace } from './packet-trace.ts';
import type { TracedPacket, TraceTarget } from './packet-trace.ts';

/** Traces of a broker at the same time. Each costs CPU time for each packet that it concerns, and up to 1 MiB. */
export const tracesMax = 4;

/** The running traces of a broker. */
export class Traces {
  readonly #running = new Set<PacketTrace>();
  readonly #onChange: () => void;
  /** True if a trace shows payloads. */
  showPayloads = false;

  /** @param onChange called when a trace starts or ends */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Returns null if {@link tracesMax} traces run. */
  start(target: TraceTarget, payload: boolean, onLine: () => void): PacketTrace | null {
    if (this.#running.size >= tracesMax) return null;
    const trace = new PacketTrace(target, payload, onLine);
    this.#running.add(trace);
    this.#changed();
    return trace;
  }

  stop(trace: PacketTrace): void {
    if (this.#running.delete(trace)) this.#changed();
  }

  /** Returns whether a trace may contain packets of this client. An empty client is not known yet. */
  concern(client: ClientId, address: string): boolean {
    for (const trace of this.#running) if (trace.concerns(client, address)) return true;
    return false;
  }

  offer(line: TracedPacket): void {
    for (const trace of this.#running) trace.offer(line);
  }

  #changed(): void {
    this.showPayloads = [...this.#running].some(({ payload }) => payload);
    this.#onChange();
  }
}
