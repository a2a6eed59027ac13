import type { Machine } from '../machine.ts';
import { renderMachine } from '../report.ts';
import type { FloodResult, MemberPeak, MemoryResult } from './memory.ts';

const mebibyte = 1024 * 1024;

/** Returns one line for each broken rule and for each flood that could not be measured. */
export function missesOf({ results, failures }: MemoryResult): string[] {
  return [
    ...results.flatMap((result) => faultsOf(result).map((fault) => `${result.name}: ${fault}`)),
    ...failures,
  ];
}

function faultsOf({ gain, during, restart, refusals, kept, restartError }: FloodResult): string[] {
  return [
    ...endsOf(during, 'in the flood'),
    ...endsOf(restart, 'at the restart after the flood'),
    ...(Object.keys(refusals).length > 0
      ? []
      : ['the member refused nothing, so the flood was too small to show anything']),
    ...(Object.values(gain).some((count) => count > 0) ? [] : ['the flood did nothing']),
    ...(kept.acknowledged > 0 ? [] : ['no message of the well-behaved client was acknowledged']),
    ...(restartError === null ? [] : [`the members do not serve after the restart: ${restartError}`]),
    ...((kept.lost ?? 0) === 0
      ? []
      : [`${kept.lost} of ${kept.acknowledged} acknowledged messages are lost`]),
  ];
}

function endsOf(members: readonly MemberPeak[], when: string): string[] {
  return members.flatMap(({ id, kills, ended }) => {
    if (kills > 0) return [`the kernel killed ${id} ${when}`];
    return ended === null ? [] : [`${id} ended ${when}: ${ended}`];
  });
}

export function renderMemory(result: MemoryResult, machine: Machine, command: string, date: string): string {
  const { members, unit, guarded, forMs, results, seconds } = result;
  const misses = missesOf(result);
  return [
    '# Memory: a member whose unit limits its memory',
    '',
    `- command: \`${command}\`; ${date}; ${Math.round(seconds)} s`,
    `- machine: ${renderMachine(machine)}`,
    `- ${members === 1 ? 'one member' : `${members} members`}, new for each flood; the flood of ${forMs / 1_000} s goes to m1, from processes at nice 19`,
    `- limits of each member, as the playbooks derive them: ${inMebibytes(unit.limitBytes)} MiB (MemoryMax),`,
    `  \`${unit.nodeFlags.join(' ')}\`${guarded ? ', `limits.memoryBytesMax` of the same size' : '; the member does NOT know the limit (`--unguarded`)'}; no swap`,
    `- the limit is a control group of version 1. Version 2, which the playbooks use, also has MemoryHigh (${inMebibytes(unit.highBytes)} MiB):`,
    '  above it the kernel takes the cache of files back and slows the member down. Version 1 does so only at the limit, so',
    '  the cache may fill the group. Version 2 counts the buffers of sockets into the limit, version 1 does not',
    '- a well-behaved client publishes 5 small QoS 1 messages a second for an absent session. After the flood all members',
    '  restart within their limits, and the session receives its messages; lost: acknowledged, but not received',
    '- met: no member was killed or ended by itself, in the flood or at the restart; some work was refused; nothing was lost',
    '',
    '## Memory, MiB',
    '',
    'Group: peak with the cache of files. Processes: as the kernel charges them. Resident: of the process. The largest value of',
    'each column, which need not be of the same time. Restart: resident memory at the restart.',
    '',
    '| flood | member | group | processes | resident | cache | sockets | restart | killed by the kernel |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|',
    ...results.flatMap(({ name, during, restart }) =>
      during.map((peak, index) => memoryRow(name, peak, restart[index])),
    ),
    '',
    '## What was refused',
    '',
    'Refused: metrics of m1 with their reasons. Acknowledged, refused and lost are messages of the well-behaved client.',
    '',
    '| flood | what the flood got | pressure | refused | acknowledged | refused to the client | lost | verdict |',
    '|---|---|---|---|---:|---|---:|---|',
    ...results.map(refusalRow),
    '',
    ...(misses.length === 0 ? ['met'] : misses.map((miss) => `MISSED ${miss}`)),
    '',
  ].join('\n');
}

function memoryRow(name: string, peak: MemberPeak, restart: MemberPeak | undefined): string {
  const { id, group, processes, resident, cache, sockets, kills } = peak;
  const sizes = [group, processes, resident, cache, sockets, restart?.resident ?? 0].map(inMebibytes);
  return `| ${[name, id, ...sizes, kills + (restart?.kills ?? 0)].join(' | ')} |`;
}

function refusalRow(result: FloodResult): string {
  const { name, gain, pressures, refusals, kept } = result;
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([what, count]) => `${what} ${Math.round(count).toLocaleString('en')}`)
      .join(', ') || '-';
  const faults = faultsOf(result);
  const verdict = faults.length === 0 ? 'met' : `MISSED ${faults.join('; ')}`;
  return `| ${[
    ...[name, listed(gain), pressures.join(', ') || '-', listed(refusals)],
    ...[kept.acknowledged, listed(kept.refused), kept.lost ?? 'unknown', verdict],
  ].join(' | ')} |`;
}

function inMebibytes(bytes: number): number {
  return Math.round(bytes / mebibyte);
}
