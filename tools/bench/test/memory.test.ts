import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { floods } from '../src/memory/floods.ts';
import type { FloodResult, MemberPeak, MemoryResult } from '../src/memory/memory.ts';
import { missesOf, renderMemory } from '../src/memory/memory-report.ts';
import { refusalsOf } from '../src/memory/refusals.ts';
import { unitMemory } from '../src/memory/unit-memory.ts';
import { machine } from './support/machine.ts';

const mebibyte = 1024 * 1024;
const role = fileURLToPath(new URL('../../../ansible/roles/broker_publisher', import.meta.url));
const peak: MemberPeak = {
  ...{ id: 'm1', group: 512 * mebibyte, processes: 400 * mebibyte, resident: 450 * mebibyte },
  ...{ cache: 62 * mebibyte, sockets: mebibyte, kills: 0, ended: null },
};
const flood: FloodResult = {
  ...{ name: 'large-wills', title: 'wills', gain: { wills: 7 }, during: [peak], restart: [peak] },
  ...{ pressures: ['refuse_clients'], refusals: { 'connection_refusals memory': 3 }, restartError: null },
  kept: { acknowledged: 10, refused: { '0x97': 2 }, lost: 0 },
};
const resultOf = (changed: Partial<FloodResult>): MemoryResult => ({
  ...{ members: 1, unit: unitMemory(512 * mebibyte, role), guarded: true, forMs: 1_000 },
  ...{ results: [{ ...flood, ...changed }], failures: [], seconds: 1 },
});

test('a unit has the heap, the flags and the bounds that the role derives from its memory', () => {
  const { limitBytes, highBytes, nodeFlags } = unitMemory(512 * mebibyte, role);
  const defaults = readFileSync(`${role}/defaults/main.yml`, 'utf8');
  expect(nodeFlags.at(-1)).toBe('--max-old-space-size=384');
  expect(defaults).toContain(`broker_publisher_node_options_more: ${nodeFlags.slice(0, -1).join(' ')}\n`);
  expect(highBytes).toBeLessThan(limitBytes);
  expect(() => unitMemory(1, `${role}/../grafana`)).toThrow(/adapt the bench to it/);
});

test('each flood is an attack of its own', () => {
  expect(new Set(floods.map(({ name }) => name)).size).toBe(floods.length);
});

test('a member that refused work, restarted and lost nothing misses nothing', () => {
  expect(missesOf(resultOf({}))).toEqual([]);
  expect(renderMemory(resultOf({}), machine, 'c', 'd')).toMatch(
    /\| large-wills \| m1 \| 512 \| 400 \| 450 \| 62 \| 1 \| 450 \| 0 \|[^]*0x97 2 \| 0 \| met \|\n\nmet\n$/,
  );
});

test.each<[string, Partial<FloodResult>, string]>([
  ['kill in the flood', { during: [{ ...peak, kills: 1 }] }, 'the kernel killed m1 in the flood'],
  [
    'end without a kill, as of a full heap',
    { during: [{ ...peak, ended: 'SIGABRT' }] },
    'm1 ended in the flood: SIGABRT',
  ],
  [
    'kill at the restart',
    { restart: [{ ...peak, kills: 1 }] },
    'the kernel killed m1 at the restart after the flood',
  ],
  [
    'flood without a refusal',
    { refusals: {} },
    'the member refused nothing, so the flood was too small to show anything',
  ],
  ['flood that did nothing', { gain: {} }, 'the flood did nothing'],
  [
    'lost message',
    { kept: { acknowledged: 10, refused: {}, lost: 1 } },
    '1 of 10 acknowledged messages are lost',
  ],
  [
    'client without an acknowledgement',
    { kept: { acknowledged: 0, refused: {}, lost: 0 } },
    'no message of the well-behaved client was acknowledged',
  ],
  ['failed restart', { restartError: 'closed' }, 'the members do not serve after the restart: closed'],
])('a %s is a miss', (_name, changed, line) => {
  expect(missesOf(resultOf(changed))).toEqual([`large-wills: ${line}`]);
});

test('a flood that could not be measured is a miss', () => {
  expect(missesOf({ ...resultOf({}), failures: ['large-wills: no group'] })).toEqual([
    'large-wills: no group',
  ]);
});

test('refusals are read by metric and reason, without those of a slow machine and ordinary ends', () => {
  const page = [
    'mqtt_cluster_connection_refusals_total{reason="memory"} 3',
    'mqtt_cluster_connection_refusals_total{reason="isolated"} 4',
    'mqtt_cluster_publish_refusals_total{reason="quota"} 5',
    'mqtt_cluster_publish_refusals_total{reason="topic"} 0',
    'mqtt_cluster_disconnects_total{reason="network"} 6',
    'mqtt_cluster_disconnects_total{reason="evicted"} 7',
    'mqtt_cluster_clients_connected 8',
  ].join('\n');
  expect(refusalsOf(page)).toEqual({
    'connection_refusals memory': 3,
    'publish_refusals quota': 5,
    'disconnects evicted': 7,
  });
});
