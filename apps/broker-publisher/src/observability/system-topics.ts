import type { MemberStatus } from '@mqtt-cluster/contracts';

/** Returns the values of the `$SYS` topics about this member and about the cluster as this member sees it. */
export function systemTopics(
  status: MemberStatus,
  { dropped, expired, accepts }: { dropped: number; expired: number; accepts: boolean },
): Record<string, string> {
  const isolated = status.state === 'isolated';
  const clients = Object.values(status.peers).reduce((sum, peer) => sum + peer.clients, status.connections);
  // Sessions of clean clients exist only while their clients are connected. The numbers of the peers are those
  // of their last hello messages.
  const disconnected = String(Math.max(0, status.sessions - clients));
  return {
    '$SYS/broker/clients/total': String(status.sessions),
    '$SYS/broker/clients/disconnected': disconnected,
    '$SYS/broker/clients/inactive': disconnected,
    '$SYS/broker/clients/expired': String(expired),
    '$SYS/broker/subscriptions/count': String(status.homeSubscriptions),
    '$SYS/broker/retained messages/count': String(status.retained),
    '$SYS/broker/store/messages/count': String(status.queuedMessages),
    '$SYS/broker/messages/stored': String(status.queuedMessages),
    '$SYS/broker/store/messages/bytes': String(status.queuedBytes),
    '$SYS/broker/messages/inflight': String(status.inFlight),
    '$SYS/broker/publish/messages/dropped': String(dropped),
    '$SYS/cluster/member': status.id,
    '$SYS/cluster/state': status.state,
    '$SYS/cluster/leader': status.leader ?? 'none',
    '$SYS/cluster/isolated': String(isolated),
    '$SYS/cluster/degraded': String(isolated && accepts),
    '$SYS/cluster/clients/connected': String(clients),
    '$SYS/cluster/subscriptions/count': String(status.subscriptions),
  };
}
