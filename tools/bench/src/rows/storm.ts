import { setTimeout as delay } from 'node:timers/promises';
import { median } from '@mqtt-cluster/kit';
import { RawClient } from '../generator/client.ts';
import { openInBatches } from '../generator/open-in-batches.ts';
import { readMetrics, sumOf } from '../targets/metrics-page.ts';
import { waitUntilReady } from '../targets/network.ts';
import { startMembers } from '../targets/ours.ts';
import type { RunningMembers } from '../targets/ours.ts';
import type { Row } from './row.ts';
import { endpointOf } from './with-running.ts';

const members = 3;
/** Time after which the connects no longer cost the members anything. */
const settleMs = 2_000;
/** Longest time until a refused client tries again. The times differ, so that the clients do not return at once. */
const retryMsMax = 1_000;
/** Time after which a storm has failed. */
const stormMsMax = 300_000;

/** The clients of a member connect to the others after its death. A single broker has no others. */
export const stormRow: Row = {
  name: 'storm',
  title: `a member of ${members} dies, and its clients with persistent sessions connect to the others; --clients N`,
  figures: [
    { name: 'half are served', unit: 's', isLessBetter: true },
    { name: 'all are served', unit: 's', isLessBetter: true },
    { name: 'elections', unit: 'terms', isLessBetter: true },
  ],
  needsOtherMembers: true,
  async measure({ processes, directory, given }) {
    const running = await startMembers(processes, directory, members);
    const storm = new Storm(running);
    try {
      await waitUntilReady(running);
      return await storm.measure(given.clients);
    } finally {
      storm.end();
      await processes.stop(running.processes);
    }
  },
};

class Storm {
  readonly #running: RunningMembers;
  readonly #clients = new Map<number, RawClient>();
  /** Member whose clients move: not the leader, so that no election is necessary. */
  #victim = 0;
  /** Null before the death of the member. */
  #diedAtMs: number | null = null;
  /** Time from the death until each client was served, seconds, by the number of the client. */
  readonly #servedAfter = new Map<number, number>();
  #failure: Error | null = null;
  #ended = false;

  constructor(running: RunningMembers) {
    this.#running = running;
  }

  async measure(count: number): Promise<readonly number[]> {
    const pages = await this.#pages([0, 1, 2]);
    this.#victim = pages.findIndex((page) => sumOf(page, 'mqtt_cluster_raft_is_leader') === 0);
    const others = [0, 1, 2].filter((position) => position !== this.#victim);
    await openInBatches(
      count,
      (number) => this.#open(number, this.#victim),
      () => undefined,
    );
    await delay(settleMs);
    const before = await this.#term(others);
    this.#diedAtMs = performance.now();
    this.#running.processes[this.#victim]!.program.signal('SIGKILL');
    while (this.#servedAfter.size < count) {
      if (this.#failure !== null) throw this.#failure;
      if (performance.now() - this.#diedAtMs > stormMsMax)
        throw new Error(`${count - this.#servedAfter.size} of ${count} clients were not served`);
      await delay(20);
    }
    const elections = (await this.#term(others)) - before;
    const seconds = [...this.#servedAfter.values()];
    return [median(seconds), Math.max(...seconds), elections];
  }

  end(): void {
    this.#ended = true;
    for (const client of this.#clients.values()) client.destroy();
  }

  async #open(number: number, member: number): Promise<void> {
    const { endpoints } = this.#running;
    const endpoint = { ...endpointOf(this.#running, number), ...endpoints[member] };
    const client = await RawClient.open(endpoint, `storm-${number}`, false, () => this.#onLost(number));
    this.#clients.set(number, client);
    if (this.#diedAtMs === null) await client.subscribe(`storm/${number}`, 1);
    else this.#servedAfter.set(number, (performance.now() - this.#diedAtMs) / 1_000);
  }

  /** A client has lost its connection: to the dead member, or to a member that has no room for it at the moment. */
  #onLost(number: number): void {
    if (this.#ended) return;
    if (this.#diedAtMs === null) this.#failure ??= new Error(`client ${number} was disconnected too early`);
    else if (this.#clients.delete(number)) {
      this.#servedAfter.delete(number);
      void this.#reconnect(number);
    }
  }

  async #reconnect(number: number): Promise<void> {
    for (let attempt = 0; !this.#ended; attempt++) {
      const member = (this.#victim + 1 + ((number + attempt) % (members - 1))) % members;
      try {
        return await this.#open(number, member);
      } catch {
        await delay(Math.random() * retryMsMax);
      }
    }
  }

  async #pages(positions: readonly number[]): Promise<readonly string[]> {
    const read = positions.map((position) => readMetrics(this.#running.http[position]!));
    return (await Promise.all(read)).map((page) => page.toString());
  }

  async #term(positions: readonly number[]): Promise<number> {
    return Math.max(...(await this.#pages(positions)).map((page) => sumOf(page, 'mqtt_cluster_raft_term')));
  }
}
