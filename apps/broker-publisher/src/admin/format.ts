import type { ClusterSettings, Decoded } from '@mqtt-cluster/contracts';
import { z } from 'zod';
import type { ClusterHealth } from '../health/cluster-health.ts';
import type { UserList } from './users/user-administration.ts';

/** The fields of `/status` that the admin command reads. `--json` prints all fields. */
export const statusSchema = z.looseObject({
  id: z.string(),
  state: z.string(),
  reason: z.string(),
  role: z.string(),
  leader: z.string().nullable(),
  term: z.number(),
  appliedIndex: z.number(),
  lastIndex: z.number(),
  connections: z.number(),
  sessions: z.number(),
  queuedMessages: z.number(),
  outboxItems: z.number(),
  pendingCommands: z.number(),
  digestsAgree: z.boolean(),
  drained: z.boolean(),
  /** Settings that let strangers in; absent in the answer of an older member. */
  warnings: z.array(z.string()).optional(),
});

export type StatusSummary = Decoded<typeof statusSchema>;

// ---- text output; with `--json` the command prints the JSON answer instead ----

export function formatStatus(status: StatusSummary): string {
  const { id, state, reason, role, leader, term, appliedIndex, lastIndex, connections, sessions } = status;
  const lines = [
    `${id} is ${state}${reason === '' ? '' : `: ${reason}`}`,
    `role ${role}, leader ${leader ?? 'unknown'}, term ${term}`,
    `applied ${appliedIndex} of ${lastIndex} entries`,
    `${connections} clients here, ${sessions} sessions in the cluster, ` +
      `${status.queuedMessages} messages queued`,
    `outbox ${status.outboxItems} batches, ${status.pendingCommands} commands pending`,
    status.digestsAgree ? 'state agrees with the peers' : 'STATE DIFFERS from the state of a peer',
    ...(status.warnings ?? []).map((text) => `warning: ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}

export function formatClusterHealth(health: ClusterHealth): string {
  const { stop, healthy, reason, leader, term, voters, majority } = health;
  const lines = [
    healthy ? 'healthy' : `NOT healthy: ${reason}`,
    `leader ${leader ?? 'unknown'}, term ${term}, ${voters} voters, ` +
      `${majority ? 'with' : 'WITHOUT'} a majority`,
  ];
  if (stop !== undefined)
    lines.push(`${stop.member} ${stop.safe ? 'can be stopped' : 'must NOT be stopped'}: ${stop.reason}`);
  return `${lines.join('\n')}\n`;
}

export function formatMembers({ members }: ClusterHealth): string {
  const rows = members.map((member) => [
    member.id,
    member.leader ? 'leader' : member.role,
    member.state,
    member.lagEntries === null ? '?' : String(member.lagEntries),
    String(member.clients),
    member.reason,
  ]);
  return table([['MEMBER', 'ROLE', 'STATE', 'LAG', 'CLIENTS', ''], ...rows]);
}

export function formatSettings(settings: ClusterSettings): string {
  return table(Object.entries(settings).map(([name, value]) => [name, String(value)]));
}

export function formatUsers({ users }: UserList): string {
  if (users.length === 0) return 'the cluster has no users\n';
  const rows = users.map(({ name, role, groups, disabled }) => [
    name,
    role ?? '-',
    groups.join(',') || '-',
    disabled ? 'disabled' : 'enabled',
  ]);
  return table([['USER', 'ROLE', 'GROUPS', 'STATE'], ...rows]);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
