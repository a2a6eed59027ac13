import type { Recorder } from '../client/recorder.ts';
import type { Server } from '../client/mqtt-connection.ts';
import { clearRetained, forgetSession } from '../client/cleanup.ts';
import { lookAtRetained } from '../client/read-retained.ts';
import { randomOf } from '../random.ts';
import type { QoS } from '@mqtt-cluster/history-checker';
import { workloads } from '../workloads/index.ts';
import type { Shares, WorkloadName } from '../workloads/index.ts';
import { retainedRoot } from '../workloads/retained.ts';
import type { Actor, Stage } from '../workloads/client-spec.ts';
import { Performer } from './client-driver.ts';

const forgettersMax = 10;
const looksMax = 3;

/** The brokers that clients connect to, and the features that those brokers have. */
export interface LoadTarget {
  readonly servers: readonly Server[];
  readonly qosMax: QoS;
  /** Protocol versions: 4 is MQTT 3.1.1. */
  readonly versions: readonly (4 | 5)[];
  /** Whether `$share/...` filters are served. */
  readonly sharesSubscriptions: boolean;
}

export interface CastOptions {
  readonly target: LoadTarget;
  readonly shares: Shares;
  /** First sendings a second, of all workloads together. */
  readonly rate: number;
  readonly seed: number;
  /** Of this run only: letters and digits. */
  readonly run: string;
  readonly recorder: Recorder;
  readonly mayPublish: () => boolean;
}

/** All actors of a scenario: the same for the same seed, whatever happens in between. */
export function actorsOf(
  shares: Shares,
  rate: number,
  seed: number,
  prefix: string,
  place: Pick<Stage, 'servers' | 'qosMax' | 'versions'> & { readonly sharesSubscriptions: boolean },
): Actor[] {
  const { servers, qosMax, versions, sharesSubscriptions } = place;
  const names = (Object.keys(shares) as WorkloadName[]).filter(
    (name) => name !== 'shared' || sharesSubscriptions,
  );
  return names.flatMap((name) =>
    workloads[name]({
      prefix,
      servers,
      rate: rate * (shares[name] ?? 0),
      qosMax,
      versions,
      random: randomOf(seed, name),
    }),
  );
}

/** The clients of one scenario. */
export class Cast {
  readonly #options: CastOptions;
  readonly #performers: readonly Performer[];
  readonly #prefix: string;

  constructor(options: CastOptions) {
    const { target, shares, rate, seed, run, recorder, mayPublish } = options;
    this.#options = options;
    this.#prefix = `torture/${run}/`;
    const { servers, qosMax, versions, sharesSubscriptions } = target;
    const place = { servers: servers.length, qosMax, versions, sharesSubscriptions };
    const clientPrefix = `${run}-`;
    this.#performers = actorsOf(shares, rate, seed, this.#prefix, place).map(
      (actor) => new Performer({ actor, clientPrefix, servers, seed, recorder, mayPublish }),
    );
  }

  start(): void {
    for (const performer of this.#performers) performer.start();
  }

  perform(): void {
    for (const performer of this.#performers) performer.perform();
  }

  /** Those whose own comings and goings must be over before the others end. */
  quietMortals(): void {
    for (const performer of this.#performers) if (performer.actor.will !== undefined) performer.quiet();
  }

  quiet(): void {
    for (const performer of this.#performers) performer.quiet();
  }

  end(): void {
    for (const performer of this.#performers) performer.end();
  }

  /** Client ids of those that are not connected with all their subscriptions although they should be. */
  missing(): string[] {
    return this.#performers
      .filter(({ actor, client }) => actor.mustBeUpInTheEnd && !client.ready)
      .map(({ client }) => client.clientId);
  }

  /** Client ids of those that still wait for an answer to a message. */
  waiting(): string[] {
    return this.#performers
      .filter(({ actor, client }) => actor.mustBeUpInTheEnd && !client.idle)
      .map(({ client }) => client.clientId);
  }

  /**
   * Asks every server what it serves as retained to a clean session and to one that stays, and records both.
   * @returns one sentence for each that did not answer
   */
  async look(): Promise<string[]> {
    const asked = this.#options.target.servers.flatMap((server) => [
      this.#look(server, true),
      this.#look(server, false),
    ]);
    return (await Promise.all(asked)).filter((problem) => problem !== null);
  }

  async #look(server: Server, clean: boolean): Promise<string | null> {
    const { run, recorder } = this.#options;
    const filter = `${retainedRoot(this.#prefix)}#`;
    for (let look = 0; look < looksMax; look++) {
      const clientId = `${run}-look-${server.id}-${clean ? 'clean' : 'staying'}-${look}`;
      const messages = await lookAtRetained(server, clientId, filter, clean);
      if (!clean) await forgetSession(server, clientId);
      if (messages === null) continue;
      recorder.record({ type: 'retained', server: server.id, messages });
      return null;
    }
    return `${server.id} did not tell its retained messages in ${looksMax} looks`;
  }

  /** Leaves nothing behind: a few at a time, as far as it goes. */
  async forget(): Promise<void> {
    const { target, run } = this.#options;
    const [server] = target.servers;
    if (server === undefined) return;
    const left = await lookAtRetained(server, `${run}-look`, `${this.#prefix}#`);
    await clearRetained(server, `${run}-clear`, left?.map(([topic]) => topic) ?? []);
    const persistent = this.#performers.filter(({ actor }) => !actor.clean);
    const ids = [...new Set(persistent.map(({ client }) => client.clientId))];
    const work = async (): Promise<void> => {
      for (let id = ids.shift(); id !== undefined; id = ids.shift()) await forgetSession(server, id);
    };
    await Promise.all(Array.from({ length: forgettersMax }, work));
  }
}
