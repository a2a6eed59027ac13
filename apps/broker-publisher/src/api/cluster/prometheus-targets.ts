import type { MemberId } from '@mqtt-cluster/contracts';
import type { PeerAddress } from '../../config.ts';

export interface PrometheusTargetsOptions {
  readonly clusterName: string;
  readonly peers: readonly PeerAddress[];
  /** Port of `/metrics` of this member: that of a member that does not answer, too. */
  readonly httpPort: number;
  readonly isSecure: boolean;
}

/** Returns the members as targets for `http_sd_configs` of Prometheus. */
export function prometheusTargets(
  { clusterName, peers, httpPort, isSecure }: PrometheusTargetsOptions,
  httpPorts: ReadonlyMap<MemberId, number>,
) {
  return peers.map(({ id, host }) => {
    const port = httpPorts.get(id) ?? httpPort;
    return {
      targets: [host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`],
      labels: { member: id, cluster: clusterName, ...(isSecure && { __scheme__: 'https' }) },
    };
  });
}
