import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { percentile } from '@mqtt-cluster/kit';
import type { Machine } from '../machine.ts';
import { renderMachine } from '../report.ts';
import { writeReport } from '../write-report.ts';
import { gapDefinition } from './gap-definition.ts';
import type { FailoverResult } from './failover.ts';
import { observeMsMax } from './rounds.ts';
import type { FaultKind, RoundResult } from './rounds.ts';
import type { Losses } from './losses.ts';
import { mosquittoName } from './mosquitto-clients.ts';
import { oneAddressName } from './one-address-client.ts';

/** The limits of P8 for the gaps of failover-client. */
const promises: readonly { fault: FaultKind; share: number; msMax: number }[] = [
  { fault: 'kill', share: 0.5, msMax: 300 },
  { fault: 'kill', share: 0.99, msMax: 1_000 },
  { fault: 'silent', share: 0.99, msMax: 3_000 },
];
const promised = /^failover-client: /;

const faultText: Readonly<Record<FaultKind, string>> = {
  kill: 'the process is killed (SIGKILL): its sockets close, further connections are refused',
  silent:
    'the host goes silent, emulated by SIGSTOP: the member sends nothing and no connection closes; unlike a dead host, its ' +
    'kernel still accepts TCP connections, so a client that connects waits for CONNACK and not for TCP',
};

function gapsOf(rounds: readonly RoundResult[], series: string): number[] {
  return rounds.flatMap(({ gapsMs }) => (series in gapsMs ? [gapsMs[series] ?? Infinity] : []));
}

export function renderFailover(
  result: FailoverResult,
  machine: Machine,
  command: string,
  date: string,
): string {
  const { seed, rate, rounds, missing, failures, pahoVersion, seconds } = result;
  const lines = [
    '# Failover: the gap that clients see',
    '',
    gapDefinition,
    '',
    `- command: \`${command}\`; seed ${seed}; ${date}; ${Math.round(seconds)} s`,
    `- machine: ${renderMachine(machine)}`,
    `- seven members and all clients on this machine; each publisher sends ${rate} messages a second, each subscriber` +
      ` receives ${rate / 2} of QoS 0 and ${rate / 2} of QoS 1`,
    '- mqtt.js: a list of servers, reconnect after its default of 1 s, keep-alive 2 s, `reschedulePings: false`',
    `- paho (Python, ${pahoVersion ?? 'not installed'}): the program names the next server when a connection ends; reconnect` +
      ' after its default of 1 s, keep-alive 2 s',
    '- failover-client: its defaults (pings every second, silence of 2 s), with one connection and with `redundancy: 2`',
    `- ${oneAddressName} (emulated with mqtt.js): MQTT 3.1.1, a session, the address of HAProxy, QoS 0 publishes, reconnect` +
      ' after 5 s and keep-alive 15 s as in the example of PubSubClient',
    `- ${mosquittoName}: the address of HAProxy, keep-alive 5 s; the subscriber with a session (\`-c -i\`), the publisher` +
      ' without; HAProxy checks the members once a second, as in the playbooks',
    '- the publisher at another member keeps its connection: its gaps are caused by the cluster itself, mostly by elections',
    ...missing.map((reason) => `- not measured: ${reason}`),
    '',
    ...(['kill', 'silent'] as const).flatMap((fault) => renderFault(rounds, fault)),
    '## Promises (P8)',
    '',
    ...judge(rounds),
    ...failures.map((text) => `- FAILED ${text}`),
    '',
  ];
  return lines.join('\n');
}

function renderFault(all: readonly RoundResult[], fault: FaultKind): string[] {
  const rounds = all.filter((round) => round.fault === fault);
  if (rounds.length === 0) return [];
  const led = rounds.filter(({ victimLed }) => victimLed);
  return [
    `## ${fault === 'kill' ? 'Killed process' : 'Silent host'}: ${rounds.length} times`,
    '',
    `Here ${faultText[fault]}.`,
    '',
    ...table(rounds, fault),
    '',
    `Of these, the ${led.length} in which the member was the leader:`,
    '',
    ...table(led, fault),
    '',
    `Messages of one failure, median (most): ${lossText}`,
    '',
    ...lossTable(rounds),
    '',
  ];
}

const lossText =
  '"publishes" are the messages of the client\'s publisher: lost if no subscriber received them, twice if a subscriber ' +
  'received them more than once. "QoS 1" and "QoS 0" are messages of another publisher for the client\'s subscriber.';

const lossColumns: readonly { readonly title: string; readonly of: (losses: Losses) => number }[] = [
  { title: 'publishes lost', of: ({ publishedLost }) => publishedLost },
  { title: 'publishes twice', of: ({ publishedTwice }) => publishedTwice },
  { title: 'QoS 1 lost', of: ({ qos1Lost }) => qos1Lost },
  { title: 'QoS 1 twice', of: ({ qos1Twice }) => qos1Twice },
  { title: 'QoS 0 lost', of: ({ qos0Lost }) => qos0Lost },
];

function lossTable(rounds: readonly RoundResult[]): string[] {
  const names = [...new Set(rounds.flatMap(({ losses }) => Object.keys(losses)))].sort();
  return [
    `| client | ${lossColumns.map(({ title }) => title).join(' | ')} |`,
    `|---|${lossColumns.map(() => '---:|').join('')}`,
    ...names.map((name) => {
      const all = rounds.flatMap(({ losses }) => losses[name] ?? []);
      const cells = lossColumns.map(({ of }) => {
        const counts = all.map(of);
        return `${percentile(counts, 0.5)} (${percentile(counts, 1)})`;
      });
      return `| ${name} | ${cells.join(' | ')} |`;
    }),
  ];
}

function table(rounds: readonly RoundResult[], fault: FaultKind): string[] {
  const names = [...new Set(rounds.flatMap(({ gapsMs }) => Object.keys(gapsMs)))].sort();
  return [
    '| client | before | p50 | p90 | p99 | max |',
    '|---|---:|---:|---:|---:|---:|',
    ...names.map((name) => {
      const values = gapsOf(rounds, name);
      const cells = [0.5, 0.9, 0.99, 1].map((share) => shown(percentile(values, share), fault));
      const before = percentile(
        rounds.flatMap(({ calmMs }) => calmMs[name] ?? []),
        0.5,
      );
      return `| ${name} | ${shown(before, fault)} | ${cells.join(' | ')} |`;
    }),
  ];
}

function shown(gapMs: number | null, fault: FaultKind): string {
  if (gapMs === null) return '-';
  return gapMs === Infinity ? `not back after ${observeMsMax[fault] / 1_000} s` : String(Math.round(gapMs));
}

function judge(rounds: readonly RoundResult[]): string[] {
  return promises.flatMap(({ fault, share, msMax }) => {
    const some = rounds.filter((round) => round.fault === fault);
    const names = [...new Set(some.flatMap(({ gapsMs }) => Object.keys(gapsMs)))].filter((name) =>
      promised.test(name),
    );
    return names.map((name) => {
      const gapMs = percentile(gapsOf(some, name), share) ?? Infinity;
      const verdict = gapMs < msMax ? 'met' : 'MISSED';
      const figure = gapMs === Infinity ? shown(gapMs, fault) : `${shown(gapMs, fault)} ms`;
      return `- ${fault}, ${name}, p${share * 100}: ${figure} (${verdict}: under ${msMax} ms)`;
    });
  });
}

/** Returns the gaps as CSV, with one line for each round and series. */
function csv(rounds: readonly RoundResult[]): string {
  const lines = rounds.flatMap(({ round, fault, victim, victimLed, gapsMs, calmMs }) =>
    Object.entries(gapsMs).map(
      ([series, gap]) =>
        `${round},${fault},${victim},${victimLed},"${series}",${gap === null ? '' : gap.toFixed(1)},${(calmMs[series] ?? 0).toFixed(1)}`,
    ),
  );
  return `${['round,fault,victim,victim_led,series,gap_ms,before_ms', ...lines].join('\n')}\n`;
}

/** Writes the report into the folder: `failover.md`, `failover.json` and `failover.csv`. */
export function writeFailover(
  folder: string,
  text: string,
  content: FailoverResult & { readonly machine: Machine; readonly command: string; readonly date: string },
): void {
  writeReport(folder, 'failover', text, content);
  writeFileSync(join(folder, 'failover.csv'), csv(content.rounds));
}
