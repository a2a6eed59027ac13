import type { ClusterProblem } from '@mqtt-cluster/api';
import type { BoundedBytes, MemberStatus } from '@mqtt-cluster/contracts';
import type { MemoryGuard } from '../../limits/memory-guard.ts';

/** Share of a bound from which a member reports it; the alerts of Prometheus use the same share. */
const nearBound = 0.8;
const diskFreeWarning = 0.15;
const diskFreeCritical = 0.05;
const percent = 100;

/** Returns the place of a runbook in the repository. */
export function runbook(alert: string): string {
  return `monitoring/runbooks/${alert}.md`;
}

const stateNames: Readonly<Record<string, readonly [name: string, setting: string]>> = {
  queues: ['queues', 'clusterQueueMemoryMax'],
  retained: ['retained messages', 'retainedBytesMax'],
  subscriptions: ['subscriptions', 'subscriptionBytesMax'],
  wills: ['wills', 'willBytesMax'],
};

/** Returns what is wrong at this member, in words. */
export function ownProblems(
  status: MemberStatus,
  host: { readonly freeShare: number | null; readonly pressure: MemoryGuard['effect'] },
): ClusterProblem[] {
  return [...stateProblems(status), ...boundProblems(status), ...hostProblems(status.id, host)];
}

function stateProblems({ id, state, reason, digestsAgree, heldPublishes }: MemberStatus): ClusterProblem[] {
  const problems: ClusterProblem[] = [];
  if (state === 'isolated') {
    const held = heldPublishes[1] + heldPublishes[2];
    const waiting = held === 0 ? '' : ` ${held} publishes of its clients wait for a majority.`;
    problems.push({
      severity: 'critical',
      text: `${id} is isolated: it reaches no majority of the members.${waiting}`,
      runbook: runbook('MqttClusterMemberIsolated'),
    });
  }
  if (state === 'draining')
    problems.push({ severity: 'warning', text: `${id} drains: it accepts no clients.` });
  if (state === 'joining')
    problems.push({
      severity: 'warning',
      text: `${id} has not joined the cluster: ${reason}.`,
      runbook: runbook('MqttClusterMemberNotServing'),
    });
  if (!digestsAgree)
    problems.push({
      severity: 'critical',
      text: `The replicated state of ${id} differs from that of another member.`,
      runbook: runbook('MqttClusterStateDiffers'),
    });
  return problems;
}

function boundProblems({ id, stateBytes, homeBytes, outboxBytes, bounds }: MemberStatus): ClusterProblem[] {
  const problems: ClusterProblem[] = [];
  for (const [kind, use] of Object.entries(stateBytes)) {
    const [name, setting] = stateNames[kind] ?? [kind, ''];
    if (isNear(use))
      problems.push({
        severity: 'warning',
        text: `The ${name} of the cluster use ${share(use)} of their bound (${setting}).`,
        runbook: runbook(kind === 'queues' ? 'MqttClusterQueueNearBound' : 'MqttClusterStateNearBound'),
      });
  }
  for (const [kind, use] of Object.entries(homeBytes)) {
    if (isNear(use))
      problems.push({
        severity: 'warning',
        text: `The ${kind} of the clean sessions of ${id} use ${share(use)} of their bound.`,
        runbook: runbook('MqttClusterQueueNearBound'),
      });
  }
  const outbox = { bytes: outboxBytes, max: bounds.outboxBytesMax };
  if (isNear(outbox))
    problems.push({
      severity: 'critical',
      text: `The outbox of ${id} uses ${share(outbox)} of its bound (limits.outboxBytesMax).`,
      runbook: runbook('MqttClusterOutboxNearBound'),
    });
  return problems;
}

const pressureProblems = {
  refuseClients: 'ID uses much memory: it refuses new clients.',
  dropQos0: 'ID uses too much memory: it drops the QoS 0 publishes of its clients.',
  refusePublishes: 'ID has no memory for a larger replicated state: it rejects QoS 1 and 2 publishes.',
} as const;

function hostProblems(
  id: string,
  { freeShare, pressure }: { readonly freeShare: number | null; readonly pressure: MemoryGuard['effect'] },
): ClusterProblem[] {
  const problems: ClusterProblem[] = [];
  if (freeShare !== null && freeShare < diskFreeWarning)
    problems.push({
      severity: freeShare < diskFreeCritical ? 'critical' : 'warning',
      text: `The disk of ${id} has only ${Math.round(freeShare * percent)} % of its space left.`,
      runbook: runbook('MqttClusterDiskFilling'),
    });
  if (pressure !== 'none')
    problems.push({
      severity: pressure === 'refuseClients' ? 'warning' : 'critical',
      text: pressureProblems[pressure].replace('ID', () => id),
      runbook: runbook('MqttClusterMemoryPressure'),
    });
  return problems;
}

function isNear({ bytes, max }: BoundedBytes): boolean {
  return max > 0 && bytes >= max * nearBound;
}

function share({ bytes, max }: BoundedBytes): string {
  return `${Math.round((bytes / max) * percent)} %`;
}
