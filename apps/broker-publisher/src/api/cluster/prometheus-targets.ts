import type { MemberId } from '@mqtt-cluster/contracts';
import type { PeerAddress } from '../../config.ts';
import type { HttpPlace } from '../members/members-reader.ts';

export interface PrometheusTargetsOptions {
  readonly clusterName: string;
  readonly peers: readonly PeerAddress[];
  /** Port of `/metrics` of this member: that of a member that does not answer, too. */
  readonly httpPort: number;
  /** Whether this member serves HTTPS: a member that does not report it is expected to do the same. */
  readonly isSecure: boolean;
}

/**
 * Returns the members as targets for `http_sd_configs` of Prometheus. While the members change from HTTP to HTTPS one after
 * the other, each target has the scheme of its member.
 */
export function prometheusTargets(
  { clusterName, peers, httpPort, isSecure }: PrometheusTargetsOptions,
  httpPlaces: ReadonlyMap<MemberId, HttpPlace>,
) {
  return peers.map(({ id, host }) => {
    const place = httpPlaces.get(id);
    const port = place?.port ?? httpPort;
    const usesTls = place?.isSecure ?? isSecure;
    return {
      targets: [host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`],
      labels: { member: id, cluster: clusterName, ...(usesTls && { __scheme__: 'https' }) },
    };
  });
}
