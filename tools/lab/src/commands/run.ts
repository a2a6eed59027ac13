import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Arguments } from '../arguments.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { MemberReport } from '../cluster/lab-member.ts';
import { readDroppedAtBound } from '../cluster/http.ts';
import { messageOf } from '../errors.ts';
import { natureOf, parseFaults } from '../fault-plan.ts';
import type { Fault } from '../fault-plan.ts';
import type { MemberPlace } from '../layout.ts';
import type { History } from '../load/history.ts';
import { Load } from '../load/load.ts';
import { judge } from '../load/verdict.ts';
import type { Verdict } from '../load/verdict.ts';
import { renderVerdict } from '../view/render.ts';
import { openSession } from './session.ts';

/** When the clients that are to die do so, as a share of the run. */
const mortalShare = 0.4;

/** `lab run`: a cluster, a load, faults, a verdict. Sets the exit status: 0 only when every promise held. */
export async function run(given: Arguments): Promise<void> {
  const faults = parseFaults(given.faults, given.members);
  const folder = given.folderGiven ? given.folder : mkdtempSync(join(tmpdir(), 'mqtt-cluster-lab-'));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(130));
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  say(`seed ${given.seed}; ${given.members} members in ${folder}`);
  const settings = { publisherRate: 0, logLevel: 'info', shiftPorts: true };
  const session = await openSession({ ...given, folder, keep: false }, settings, () => process.exit(1));
  let verdict: Verdict;
  try {
    verdict = await runLoad(session.cluster, { ...given, folder }, faults, say);
  } finally {
    await session.end(true);
  }
  if (verdict.ok && !given.folderGiven) rmSync(folder, { recursive: true, force: true });
  else say(`logs and data are in ${folder}`);
  const text = given.json ? JSON.stringify(verdict) : renderVerdict(verdict).join('\n');
  await new Promise((resolve) => process.stdout.write(`${text}\n`, resolve));
  // Clients' half-closed connections may linger.
  process.exit(verdict.ok ? 0 : 1);
}

async function runLoad(
  cluster: Cluster,
  { members, rate, seed, forMs, folder, gapsJudged }: Arguments,
  faults: readonly Fault[],
  say: (text: string) => void,
): Promise<Verdict> {
  const places = cluster.layout.members;
  const { mayDegrade, minorityKills } = natureOf(faults, members);
  const running = (id: string): boolean =>
    places.some((place) => place.id === id && cluster.isRunning(place));
  const load = new Load({ members: places, rate, seed, mayDegrade, isRunning: running });
  try {
    await load.start();
    const watched = new Set(minorityKills);
    const inject = async (fault: Fault): Promise<void> => {
      const groups = fault.groups.map((group) => group.map((number) => `m${number}`));
      say(
        `${(fault.atMs / 1_000).toFixed(1)} s: ${fault.action} ${groups.map((group) => group.join(' ')).join(' / ')}`,
      );
      if (watched.has(fault)) load.watchGaps(performance.now(), groups.flat());
      try {
        await cluster.fault(fault.action, groups, fault.value);
      } catch (error) {
        load.report(messageOf(error));
      }
    };
    const pending: Promise<void>[] = [];
    const timers = faults.map((fault) => setTimeout(() => pending.push(inject(fault)), fault.atMs));
    timers.push(setTimeout(() => load.killMortals(), forMs * mortalShare));
    await new Promise((resolve) => setTimeout(resolve, forMs));
    timers.forEach((timer) => clearTimeout(timer));
    await load.gapsEnded();
    load.stopPublishing();
    await Promise.all(pending);
    say('everything is mended and started; what is owed must arrive now');
    await cluster.restore().catch((error: unknown) => load.report(messageOf(error)));
    await load.settle();
    await reportMembers(cluster, load);
    const history: History = {
      ...load.history(),
      mayDegrade: mayDegrade || wasIsolated(places, folder),
      droppedAtBound: await droppedAtBound(places),
    };
    const verdict = judge(history, { gapsJudged });
    if (!verdict.ok) writeFindings(folder, history, await cluster.report());
    return verdict;
  } finally {
    load.end();
  }
}

async function reportMembers(cluster: Cluster, load: Load): Promise<void> {
  for (const crash of cluster.crashes) load.report(crash);
  for (const { id, status } of await cluster.report()) {
    if (status === null) load.report(`${id} does not answer in the end`);
    else if (status.digestsAgree === false) load.report(`${id} says that the members' states differ`);
  }
}

/** Each drop is counted by one member (docs/METRICS.md); one that was started again has forgotten its own. */
async function droppedAtBound(places: readonly MemberPlace[]): Promise<number> {
  const counts = await Promise.all(places.map(({ host, httpPort }) => readDroppedAtBound(host, httpPort)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** A busy machine may part a member from the majority without any fault of ours; it says so in its log. */
function wasIsolated(places: readonly MemberPlace[], folder: string): boolean {
  return places.some(({ id }) => {
    const log = join(folder, id, 'log.jsonl');
    return existsSync(log) && readFileSync(log, 'utf8').includes('"state":"isolated"');
  });
}

/** For whoever looks into a verdict that is not ok: all that was sent and received, and the members' last words. */
function writeFindings(folder: string, history: History, members: readonly MemberReport[]): void {
  const plain = (_key: string, value: unknown): unknown =>
    value instanceof Map ? Object.fromEntries(value as Map<string, unknown>) : value;
  writeFileSync(join(folder, 'history.json'), JSON.stringify(history, plain));
  writeFileSync(join(folder, 'members.json'), JSON.stringify(members, null, 2));
}
