import type { ClusterSettings, MemberStatus } from '@mqtt-cluster/contracts';
import type { ClusterHealth } from '../health/cluster-health.ts';

/** What people read instead of JSON. */
export function statusText(status: MemberStatus): string {
  const { id, state, reason, role, leader, term, appliedIndex, lastIndex, connections, sessions } = status;
  const lines = [
    `${id} is ${state}${reason === '' ? '' : `: ${reason}`}`,
    `role ${role}, leader ${leader ?? 'unknown'}, term ${term}`,
    `applied ${appliedIndex} of ${lastIndex} entries`,
    `${connections} clients here, ${sessions} sessions in the cluster, ${status.queuedMessages} messages queued`,
    `outbox ${status.outboxItems} batches, ${status.pendingCommands} commands pending`,
    status.digestsAgree ? 'state agrees with the peers' : 'STATE DIFFERS from that of a peer',
  ];
  return `${lines.join('\n')}\n`;
}

export function healthText(health: ClusterHealth): string {
  const { stop, healthy, reason, leader, term, voters, majority } = health;
  const lines = [
    healthy ? 'healthy' : `NOT healthy: ${reason}`,
    `leader ${leader ?? 'unknown'}, term ${term}, ${voters} voters, ${majority ? 'with' : 'WITHOUT'} a majority`,
  ];
  if (stop !== undefined)
    lines.push(`${stop.member} ${stop.safe ? 'may be stopped' : 'must NOT be stopped'}: ${stop.reason}`);
  return `${lines.join('\n')}\n`;
}

export function membersText({ members }: ClusterHealth): string {
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

export function settingsText(settings: ClusterSettings): string {
  return table(Object.entries(settings).map(([name, value]) => [name, String(value)]));
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
