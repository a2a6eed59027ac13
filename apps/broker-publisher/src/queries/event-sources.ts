import type { ClientEvent } from '@mqtt-cluster/broker';
import { networkOf, shortened } from '@mqtt-cluster/contracts';
import type { ClusterConfig, MemberEvent, MemberId } from '@mqtt-cluster/contracts';
import type { EventLog } from './event-log.ts';

const nameLengthMax = 256;

/** Records the events of the clients of this member. */
export function recordClientEvent(log: EventLog, event: ClientEvent): void {
  const { kind, client, user, address, reason, text } = event;
  log.addClientEvent(
    {
      kind,
      ...(client !== '' && { client }),
      ...(user !== undefined && { user: shortened(user, nameLengthMax) }),
      ...(address !== '' && { address }),
      ...(reason !== undefined && { reason }),
      text,
    },
    networkOf(address),
  );
}

/**
 * Records the events of the cluster. An event that all members have, such as a change of the configuration, is recorded
 * by the leader only.
 */
export class ClusterEvents {
  readonly #self: MemberId;
  readonly #log: EventLog;
  #isLeader = false;

  constructor(self: MemberId, log: EventLog) {
    this.#self = self;
    this.#log = log;
  }

  record(events: readonly MemberEvent[]): void {
    for (const event of events) this.#record(event);
  }

  #record(event: MemberEvent): void {
    const log = this.#log;
    switch (event.kind) {
      case 'state':
        if (event.state === 'joining') return;
        return log.addClusterEvent({
          kind: event.state,
          text: event.reason === '' ? `${this.#self} is ${event.state}` : event.reason,
        });
      case 'leader':
        this.#isLeader = event.leader === this.#self;
        if (!this.#isLeader) return;
        return log.addClusterEvent({
          kind: 'elected',
          text: `${this.#self} was elected leader in term ${event.term}`,
        });
      case 'configChanged':
        if (!this.#isLeader) return;
        return log.addClusterEvent({ kind: 'configChanged', text: describeConfig(event.config) });
      case 'snapshot':
        if (event.action !== 'installed') return;
        return log.addClusterEvent({
          kind: 'snapshotInstalled',
          text: `${this.#self} installed a snapshot of ${event.bytes} bytes at index ${event.index}`,
        });
      case 'alarm':
        return log.addClusterEvent({ kind: 'alarm', text: event.text });
      case 'storeUnfit':
        return log.addClusterEvent({
          kind: 'alarm',
          reason: 'storeUnfit',
          text: `the state of ${this.#self} differs from that of the majority at index ${event.index}`,
        });
      case 'duplicateMemberId':
        return log.addClusterEvent({
          kind: 'alarm',
          reason: 'duplicateMemberId',
          text: `a second process uses the member id ${event.member}`,
        });
      default:
    }
  }
}

function describeConfig({ members }: ClusterConfig): string {
  const ids = (role: 'voter' | 'learner'): string =>
    members
      .filter((member) => member.role === role)
      .map(({ id }) => id)
      .join(', ') || 'none';
  return `the cluster has the voters ${ids('voter')} and the learners ${ids('learner')}`;
}
