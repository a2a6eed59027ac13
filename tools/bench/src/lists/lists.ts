import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '@mqtt-cluster/kit';
import { Witness } from '@mqtt-cluster/workload';
import type { LatencyFigures } from '@mqtt-cluster/workload';
import type { BenchArguments } from '../arguments.ts';
import type { RawClient } from '../generator/client.ts';
import { readLoopDelays } from '../loop-delays.ts';
import type { LoopFigures } from '../loop-delays.ts';
import type { Processes } from '../processes.ts';
import { waitUntilReady } from '../targets/network.ts';
import { startMembers } from '../targets/ours.ts';
import { alarmTopic, clientId, filters, openSessions, publishRetained } from './fill-cluster.ts';
import { deleteRetained, Operator, readList } from './operator.ts';
import type { Deletion, List, ListReading } from './operator.ts';

/** Time after the setup, in which the members take their snapshots and collect garbage. */
const settleMs = 5_000;
/** Interval of the publishes at each member. */
const witnessIntervalMs = 50;
const settingMsMax = 30_000;
/** More than a retained message of the setup uses in memory. */
const retainedBytesMax = 4_096;

/** A phase of the run: what the witness and the event loops of the members have seen. */
export interface Phase {
  /** Time from PUBLISH to PUBACK. */
  readonly acknowledged: LatencyFigures;
  /** By member. */
  readonly loops: readonly LoopFigures[];
}

export interface ListsResult {
  readonly members: number;
  readonly clients: number;
  readonly connected: number;
  readonly retained: number;
  readonly forMs: number;
  readonly calm: Phase;
  readonly listing: Phase;
  readonly deleting: Phase;
  /** By member that was asked: m1, then m2. */
  readonly readings: readonly { readonly member: string; readonly readings: readonly ListReading[] }[];
  readonly deletion: Deletion;
  /** Messages of the witness that were acknowledged and not delivered. */
  readonly lost: number;
}

const encoded = encodeURIComponent;

/** The lists that the operator reads, again and again. */
function listsOf({ clients }: BenchArguments): readonly List[] {
  const someone = encoded(clientId(Math.floor(clients / 2)));
  const paged: Readonly<Record<string, string>> = {
    '/clients': '/clients',
    '/clients?id= (search)': `/clients?id=device-${clients - 1}`,
    '/clients?connected=true': '/clients?connected=true',
    '/clients?member=': '/clients?member=m3',
    '/subscriptions': '/subscriptions',
    '/subscriptions?topic=': `/subscriptions?topic=${encoded(alarmTopic)}`,
    '/subscriptions?filter=': `/subscriptions?filter=${encoded(filters.alarms)}`,
    '/retained': '/retained',
    '/retained?filter=a/# (one area)': `/retained?filter=${encoded(filters.oneArea)}`,
    '/retained?filter=+/d (one message)': `/retained?filter=${encoded(filters.oneDevice)}`,
    '/events': '/events',
  };
  const counts = { 'DELETE /retained?dryRun=true': `/retained?filter=${encoded('#')}&dryRun=true` };
  const single: Readonly<Record<string, string>> = {
    '/clients/ID': `/clients/${someone}`,
    '/overview': '/overview',
    '/members': '/members',
  };
  const toLists = (table: Readonly<Record<string, string>>, kind: List['kind']): List[] =>
    Object.entries(table).map(([name, path]) => ({ name, path, kind }));
  return [...toLists(paged, 'pages'), ...toLists(counts, 'count'), ...toLists(single, 'one')];
}

/**
 * Measures what listing costs: an operator reads all pages of every list at one member and then at another one, while a
 * witness publishes. Then the operator deletes all retained messages.
 *
 * @throws Error the cluster does not start, or a request of the operator fails
 */
export async function measureLists(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<ListsResult> {
  const { members, forMs, clients, connected, retained } = given;
  const directory = processes.directory();
  const running = await startMembers(processes, directory, members, { watchesLoops: true });
  const operators = running.http.slice(0, 2).map((endpoint) => new Operator(endpoint));
  const witness = new Witness({ intervalMs: witnessIntervalMs });
  let stay: RawClient[] = [];
  try {
    await waitUntilReady(running);
    await raiseBounds(operators[0]!, retained);
    const contents = { clients, connected, retained };
    stay = await openSessions(running.endpoints, contents, log);
    await publishRetained(running.endpoints, contents, log);
    await witness.start(running.endpoints);
    await delay(settleMs);

    const measured = async <Result>(run: () => Promise<Result>): Promise<[Phase, Result]> => {
      const from = { ms: performance.now(), wallMs: Date.now() };
      const result = await run();
      const [untilMs, wallUntilMs] = [performance.now(), Date.now()];
      // Acknowledgements and the last lines of the members are still on their way.
      await delay(2_000);
      const loops = running.loopFiles.map((file) => readLoopDelays(file, from.wallMs, wallUntilMs));
      const acknowledged = witness.acknowledgements({ fromMs: from.ms, untilMs });
      return [{ acknowledged, loops }, result];
    };
    log(`the witness publishes for ${forMs / 1_000} s without listing`);
    const [calm] = await measured(() => delay(forMs));
    log(`the operator lists at two members for at least ${forMs / 1_000} s`);
    const lists = listsOf(given);
    const [listing, readings] = await measured(() => readForTime(operators, lists, forMs));
    log('the operator deletes all retained messages');
    const [deleting, deletion] = await measured(() => deleteRetained(operators[1]!, 'lists/#'));
    const { missing: lost } = await witness.stop();
    const ended = running.processes.find(({ program }) => program.hasEnded);
    if (ended !== undefined) throw new Error(`${ended.name} has ended: ${ended.program.lastLogLines()}`);
    const counts = { members, clients, connected, retained, forMs };
    return { ...counts, calm, listing, deleting, readings, deletion, lost };
  } catch (error) {
    for (const { name, program } of running.processes)
      log(`the last lines of ${name}: ${program.lastLogLines()}`);
    throw error;
  } finally {
    witness.end();
    for (const operator of operators) operator.end();
    for (const client of stay) client.destroy();
    await processes.stop(running.processes);
    processes.removeDirectory(directory);
  }
}

/** The bounds must not refuse the retained messages of the setup. An election makes a member refuse the change for a moment. */
async function raiseBounds(operator: Operator, retained: number): Promise<void> {
  const bytes = retained * retainedBytesMax;
  const bounds = { retainedMax: retained * 2, retainedBytesMax: bytes, userRetainedBytesMax: bytes };
  await waitFor('the bounds of retained messages', () => operator.ask('PATCH', '/settings', bounds), {
    timeoutMs: settingMsMax,
  });
}

/** Reads all lists at one member, then at the other, each list at least once, until the time is over. */
async function readForTime(
  operators: readonly Operator[],
  lists: readonly List[],
  forMs: number,
): Promise<ListsResult['readings']> {
  const untilMs = performance.now() + forMs;
  const readings = operators.map(() => new Map<string, ListReading>());
  const isOver = (): boolean => performance.now() >= untilMs;
  for (let round = 0; round === 0 || !isOver(); round++) {
    for (const [index, operator] of operators.entries()) {
      for (const list of lists) {
        if (round > 0 && isOver()) break;
        const reading = await readList(operator, list, () => round > 0 && isOver());
        readings[index]!.set(list.name, joined(readings[index]!.get(list.name), reading));
      }
    }
  }
  return readings.map((ofMember, index) => ({ member: `m${index + 1}`, readings: [...ofMember.values()] }));
}

/** Joins two readings of a list. The items are those of the first one, which is complete. */
function joined(first: ListReading | undefined, next: ListReading): ListReading {
  if (first === undefined) return next;
  return {
    list: first.list,
    items: first.items,
    answersMs: [...first.answersMs, ...next.answersMs],
    bytesMost: Math.max(first.bytesMost, next.bytesMost),
    missing: [...new Set([...first.missing, ...next.missing])],
  };
}
