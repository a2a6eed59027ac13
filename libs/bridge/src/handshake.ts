import type { MemberId } from '@mqtt-cluster/contracts';
import { bridgeTopics } from '@mqtt-cluster/contracts';
import type { Channel } from '@mqtt-cluster/contracts';
import type { PeerCertificate } from 'node:tls';
import { frameVersion } from './frame/frame.ts';

/** Two connections to each peer: votes and heartbeats on their own, everything else on the other. */
export type ConnectionKind = 'raft' | 'log';

export const connectionOf: Readonly<Record<Channel, ConnectionKind>> = {
  raft: 'raft',
  log: 'log',
  live: 'log',
};

/** Which topics each kind of connection may carry. */
export const topicsOf: Readonly<Record<ConnectionKind, readonly string[]>> = {
  raft: [bridgeTopics.raft],
  log: [bridgeTopics.log, bridgeTopics.live],
};

export function clientIdOf(member: MemberId, kind: ConnectionKind): string {
  return `bridge:${member}:${kind}`;
}

/** The member and kind that a client id names, or null when it is none of a bridge. */
export function parseClientId(clientId: string): { member: MemberId; kind: ConnectionKind } | null {
  const match = /^bridge:([a-z0-9.-]{1,32}):(raft|log)$/.exec(clientId);
  return match ? { member: match[1]!, kind: match[2] as ConnectionKind } : null;
}

/** CONNECT's user name: what both sides must agree on before a frame is sent. */
export function userNameOf(cluster: string): string {
  return `${frameVersion}:${cluster}`;
}

/** In one sentence why a user name doesn't fit this member, or null when it does. */
export function userNameFault(userName: string, cluster: string): string | null {
  const separator = userName.indexOf(':');
  if (separator < 0) return 'its user name names no cluster';
  const version = userName.slice(0, separator);
  const name = userName.slice(separator + 1);
  if (name !== cluster) {
    const theirs = JSON.stringify(name.slice(0, 64));
    return `it belongs to the cluster ${theirs}, not to ${JSON.stringify(cluster)}`;
  }
  if (version !== String(frameVersion)) {
    const theirs = version.slice(0, 8);
    return `it speaks version ${theirs} of the bridge's format, this member speaks ${frameVersion}`;
  }
  return null;
}

/**
 * Whether a certificate, already trusted, is made out to one of these names (subject CN, DNS or IP names).
 */
export function certificateNames(certificate: PeerCertificate, ...wanted: readonly string[]): boolean {
  const names = new Set<string>();
  const commonName: unknown = certificate.subject?.CN;
  if (typeof commonName === 'string') names.add(commonName.toLowerCase());
  for (const part of (certificate.subjectaltname ?? '').split(', ')) {
    const match = /^(?:DNS|IP Address):(.+)$/.exec(part);
    if (match) names.add(match[1]!.toLowerCase());
  }
  return wanted.some((name) => names.has(name.toLowerCase()));
}
