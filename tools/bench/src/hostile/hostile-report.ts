import type { LatencyFigures } from '@mqtt-cluster/workload';
import type { Machine } from '../machine.ts';
import { renderMachine } from '../report.ts';
import type { HostileResult } from './hostile.ts';
import { controlP99Of, faultsOf, p99MsMax, toMebibytes } from './verdict.ts';
import type { AttackResult, BeforeAndDuring } from './verdict.ts';

/** Returns whether all attacks were measured and harmed no other client. */
export function isHarmless({ results, failures }: HostileResult): boolean {
  return failures.length === 0 && results.every((result) => faultsOf(result).length === 0);
}

export function renderHostile(
  result: HostileResult,
  machine: Machine,
  command: string,
  date: string,
): string {
  const { members, forMs, openFilesMax, results, failures, seconds } = result;
  const deliveries = results[0]?.onOther.during.count ?? 0;
  const ceiling = toMebibytes(results[0]?.ceilingBytes ?? 0);
  return [
    '# Hostile clients: what each attack costs the others',
    '',
    `- command: \`${command}\`; ${date}; ${Math.round(seconds)} s`,
    `- machine: ${renderMachine(machine)}; at most ${openFilesMax} open files of a process`,
    `- ${members} members, witness and attackers on this machine; each attack has a new cluster; mutual TLS between`,
    '  members, clients with passwords; the attackers run at nice 19 and connect from other addresses than the witness',
    '- the witness: a publisher and a subscriber at the attacked member, which is the leader, and at another one; QoS 1,',
    '  each publisher every 100 ms',
    `- before and during: ${forMs / 1_000} s each, or longer until a restarted member and all clients of a crowd are back`,
    '- attacked: messages whose publisher or subscriber is at the attacked member; other: both are at the other member',
    '- latency: the time from a publish of the witness to its delivery; half of the deliveries take at most p50, and 99 % of',
    `  them at most p99. With ${deliveries} deliveries between clients of the other member, ${Math.floor(deliveries / 100) + 1} slow ones already raise its p99`,
    '- term: the term of the log before and after; a higher one is an election. Lost: acknowledged messages that did not arrive',
    '- newcomers: a client from a new address each second; pages: `/readyz` and `/metrics` of the attacked member each second',
    `- ok: p99 during the attack at most ${p99MsMax} ms on the attacked member, and on the other at most twice the value before or`,
    '  that of a control; no election; no acknowledged message lost, also none of an absent session; memory under its ceiling',
    `  (${ceiling} MiB, as the playbooks set it); nine of ten newcomers and pages answered; no member ended`,
    '',
    ...controlLines(results, machine.cores),
    '## Verdict',
    '',
    '| attack | p99 attacked before -> during | p99 other before -> during | term | lost | disconnects | newcomers | pages | verdict |',
    '|---|---:|---:|---:|---:|---:|---:|---:|---|',
    ...results.map(verdictRow),
    ...failures.map((text) => `\nFAILED ${text}`),
    '',
    '## What the attacker did and got',
    '',
    '| attack | what it does | what it got |',
    '|---|---|---|',
    ...results.map(gainRow),
    '',
    '## Median of the latency, and memory',
    '',
    'Memory is the resident memory of each member in MiB: before, highest, 5 s after the attack.',
    '',
    '| attack | p50 attacked before -> during | p50 other before -> during | memory |',
    '|---|---:|---:|---|',
    ...results.map(memoryRow),
    '',
  ].join('\n');
}

/** What the machine alone costs, so that a reader can separate it from what an attack costs. */
function controlLines(results: readonly AttackResult[], cores: number): string[] {
  const worstMs = controlP99Of(results);
  if (worstMs === undefined) return [];
  return [
    `Members, witness and attackers share the ${cores} cores and the disk of this machine. The rows \`control-...\` have no`,
    'attack: their processes use the cores and the network at nice 19, and never connect to a member. The largest p99 of',
    `these rows is ${shownMs(worstMs)}: a p99 up to this value can be the delay of the machine, not of a member.`,
    '',
  ];
}

function verdictRow(result: AttackResult): string {
  const { name, onAttacked, onOther, term, lost, disconnects, newcomers, pages } = result;
  const faults = faultsOf(result);
  return row([
    name,
    change(onAttacked, ({ p99Ms }) => p99Ms),
    change(onOther, ({ p99Ms }) => p99Ms),
    term.before === term.after ? String(term.before) : `${term.before} -> ${term.after}`,
    String(lost),
    String(disconnects),
    `${newcomers.passed}/${newcomers.tried}`,
    `${pages.passed}/${pages.tried}`,
    result.isControl === true ? 'not judged' : faults.length === 0 ? 'ok' : `FAULT ${faults.join('; ')}`,
  ]);
}

function gainRow({ name, title, gain, incident, doneMs }: AttackResult): string {
  const got = Object.entries(gain).map(
    ([what, count]) => `${what} ${Math.round(count).toLocaleString('en')}`,
  );
  if (incident?.kind === 'restart')
    got.push(
      `${incident.member} back after ${incident.backMs === null ? 'the limit' : inSeconds(incident.backMs)}`,
    );
  if (doneMs !== undefined) got.push(`all back after ${doneMs === null ? 'the limit' : inSeconds(doneMs)}`);
  return row([name, title, got.join(', ') || 'nothing']);
}

function memoryRow({ name, onAttacked, onOther, memory }: AttackResult): string {
  return row([
    name,
    change(onAttacked, ({ p50Ms }) => p50Ms),
    change(onOther, ({ p50Ms }) => p50Ms),
    memory
      .map(({ id, warmBytes, peakBytes, endBytes }) =>
        [`${id}:`, toMebibytes(warmBytes), toMebibytes(peakBytes), toMebibytes(endBytes)].join(' '),
      )
      .join(', '),
  ]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function shownMs(ms: number): string {
  return ms === Infinity ? 'not delivered' : `${ms.toFixed(1)} ms`;
}

function change({ before, during }: BeforeAndDuring, read: (figures: LatencyFigures) => number): string {
  const shown = (figures: LatencyFigures): string => {
    return figures.count === 0 ? '-' : shownMs(read(figures));
  };
  return `${shown(before)} -> ${shown(during)}`;
}

function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
