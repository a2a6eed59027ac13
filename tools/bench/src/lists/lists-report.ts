import { percentile } from '@mqtt-cluster/kit';
import type { Machine } from '../machine.ts';
import { renderMachine } from '../report.ts';
import type { ListsResult, Phase } from './lists.ts';
import type { ListReading } from './operator.ts';

/** Longest answer of a list, and of a request that deletes a part of the retained messages. */
const answerMsMax = 1_000;
const loopP99MsMax = 20;
/** Largest growth of the witness's latency while the operator lists. */
const growthMax = 2;
/** A latency below this bound is good, however small it was before. */
const latencyMsFloor = 5;

/** Returns one sentence for each goal that is missed. */
export function missedGoals(result: ListsResult): string[] {
  const { readings, calm, listing, deletion, lost } = result;
  return [
    ...readings.flatMap(({ member, readings: lists }) => lists.flatMap((list) => listFaults(member, list))),
    ...(deletion.slowestMs > answerMsMax ? [`a part of the deletion took ${inMs(deletion.slowestMs)}`] : []),
    ...listing.loops.flatMap(({ samples, p99Ms }, index) => {
      if (samples === 0) return [`the event loop of m${index + 1} was not measured`];
      return p99Ms < loopP99MsMax
        ? []
        : [`the event loop of m${index + 1} had a p99 of ${inMs(p99Ms)}, not below ${loopP99MsMax} ms`];
    }),
    ...latencyFaults(calm, listing),
    ...(deletion.messages < result.retained
      ? [`only ${deletion.messages} of ${result.retained} retained messages were deleted`]
      : []),
    ...(lost > 0 ? [`${lost} acknowledged messages of the witness were lost`] : []),
  ];
}

function listFaults(member: string, { list, answersMs, missing, items }: ListReading): string[] {
  const slowestMs = Math.max(...answersMs);
  return [
    ...(slowestMs > answerMsMax ? [`${list} at ${member} answered after ${inMs(slowestMs)}`] : []),
    ...(missing.length > 0 ? [`${list} at ${member} lacked ${missing.join(', ')}`] : []),
    ...(items === 0 && list !== '/clients/ID' ? [`${list} at ${member} was empty`] : []),
  ];
}

function latencyFaults({ acknowledged: before }: Phase, { acknowledged: during }: Phase): string[] {
  if (before.count === 0 || during.count === 0) return ['no message of the witness was measured'];
  return (['p50Ms', 'p99Ms'] as const).flatMap((figure) => {
    const boundMs = Math.max(latencyMsFloor, growthMax * before[figure]);
    return during[figure] <= boundMs
      ? []
      : [`the ${figure.slice(0, 3)} of the witness was ${inMs(during[figure])}, above ${inMs(boundMs)}`];
  });
}

export function renderLists(result: ListsResult, machine: Machine, command: string, date: string): string {
  const { members, clients, connected, retained, forMs, readings, calm, listing, deleting, deletion } =
    result;
  const missed = missedGoals(result);
  return [
    '# Lists of the HTTP API: what an operator costs the clients',
    '',
    `- command: \`${command}\`; ${date}`,
    `- machine: ${renderMachine(machine)}`,
    `- ${members} members, ${clients} sessions of which ${connected} are connected (every second one clean), ${retained}`,
    '  retained messages; members, clients, operator and witness on this machine',
    '- the operator reads all pages (500 items each) of every list at m1, then at m2, one request after the other without a pause',
    '- the witness publishes every 50 ms at each member with QoS 1; its latency is the time from PUBLISH to PUBACK',
    '- loop: how late the event loop of a member runs a timer that is due every 5 ms; a long delay counts once for each 5 ms',
    `- calm and listing: at least ${forMs / 1_000} s each`,
    `- goals: every answer within ${answerMsMax / 1_000} s; p99 of each event loop below ${loopP99MsMax} ms while listing; latency of`,
    `  the witness at most doubled, or at most ${latencyMsFloor} ms`,
    '',
    '| list | items | answers | largest page | p50 m1, m2 | slowest m1, m2 | verdict |',
    '|---|---:|---:|---:|---:|---:|---|',
    ...listRows(readings),
    '',
    '| | calm | listing | deleting |',
    '|---|---:|---:|---:|',
    row('PUBLISH to PUBACK, p50', [calm, listing, deleting], ({ acknowledged }) => inMs(acknowledged.p50Ms)),
    row('PUBLISH to PUBACK, p99', [calm, listing, deleting], ({ acknowledged }) => inMs(acknowledged.p99Ms)),
    ...calm.loops.map((_, index) =>
      row(`loop of m${index + 1}, p99 (longest)`, [calm, listing, deleting], ({ loops }) => {
        const { samples, p99Ms, mostMs } = loops[index]!;
        return samples === 0 ? '-' : `${inMs(p99Ms)} (${inMs(mostMs)})`;
      }),
    ),
    '',
    `Deletion of ${deletion.messages} retained messages: ${deletion.seconds.toFixed(1)} s in ${deletion.requests} requests, the` +
      ` slowest ${inMs(deletion.slowestMs)}`,
    '',
    ...(missed.length === 0 ? ['ok'] : missed.map((text) => `NOT OK: ${text}`)),
    '',
  ].join('\n');
}

function listRows(readings: ListsResult['readings']): string[] {
  const names = readings[0]?.readings.map(({ list }) => list) ?? [];
  return names.map((name) => {
    const found = readings.flatMap(({ member, readings: lists }) =>
      lists.filter(({ list }) => list === name).map((reading) => ({ member, reading })),
    );
    const each = (read: (reading: ListReading) => string): string =>
      found.map(({ reading }) => read(reading)).join(', ');
    const answers = found.reduce((sum, { reading }) => sum + reading.answersMs.length, 0);
    const bytesMost = Math.max(...found.map(({ reading }) => reading.bytesMost));
    const isGood = found.every(({ member, reading }) => listFaults(member, reading).length === 0);
    const cells = [
      name,
      String(found[0]?.reading.items ?? 0),
      String(answers),
      `${(bytesMost / 1_024).toFixed(1)} KiB`,
      each(({ answersMs }) => inMs(percentile(answersMs, 0.5) ?? 0)),
      each(({ answersMs }) => inMs(Math.max(...answersMs))),
      isGood ? 'ok' : 'NOT OK',
    ];
    return `| ${cells.join(' | ')} |`;
  });
}

function row(name: string, phases: readonly Phase[], read: (phase: Phase) => string): string {
  return `| ${[name, ...phases.map(read)].join(' | ')} |`;
}

function inMs(ms: number): string {
  return ms === Infinity ? 'no answer' : `${ms.toFixed(1)} ms`;
}
