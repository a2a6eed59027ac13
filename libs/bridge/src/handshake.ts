import type { MemberId } from '@mqtt-cluster/contracts';
import { bridgeTopics } from '@mqtt-cluster/contracts';
import type { Channel } from '@mqtt-cluster/contracts';
import type { PeerCertificate, SecureContextOptions } from 'node:tls';
import { frameVersion } from './frame/frame.ts';
import type { BridgeTls } from './options.ts';

/**
 * The two connections to each peer: `raft` carries votes and heartbeats, `log` carries all other messages.
 */
export type ConnectionKind = 'raft' | 'log';

export const connectionByChannel: Readonly<Record<Channel, ConnectionKind>> = {
  raft: 'raft',
  log: 'log',
  live: 'log',
};

/** Topics on which a peer may publish, by the kind of connection. */
export const topicsByConnection: Readonly<Record<ConnectionKind, readonly string[]>> = {
  raft: [bridgeTopics.raft],
  log: [bridgeTopics.log, bridgeTopics.live],
};

export function clientIdOf(member: MemberId, kind: ConnectionKind): string {
  return `bridge:${member}:${kind}`;
}

/**
 * Returns the member and the kind of connection in a bridge's client identifier, or null for another client.
 */
export function parseClientId(clientId: string): { member: MemberId; kind: ConnectionKind } | null {
  const match = /^bridge:([a-z0-9.-]{1,32}):(raft|log)$/.exec(clientId);
  return match ? { member: match[1]!, kind: match[2] as ConnectionKind } : null;
}

/**
 * Return code of a CONNACK for a peer whose certificate is revoked: "Banned" of MQTT 5. A TLS 1.3 server of Node cannot send
 * the reason in the handshake.
 */
export const revokedReturnCode = 0x8a;

/** Returns the options of Node for connections of either direction. */
export function secureOptionsOf({ key, cert, ca, revocations }: BridgeTls): SecureContextOptions {
  return { key, cert, ca, ...(revocations && { crl: [...revocations.lists] }), minVersion: 'TLSv1.3' };
}

/** The user name in CONNECT: frame version and cluster name, which must be equal on both sides. */
export function userNameOf(cluster: string): string {
  return `${frameVersion}:${cluster}`;
}

/** Checks the user name of a peer. Returns the reason to reject it, or null to accept it. */
export function userNameFault(userName: string, cluster: string): string | null {
  const separator = userName.indexOf(':');
  if (separator < 0) return 'its user name contains no cluster name';
  const version = userName.slice(0, separator);
  const name = userName.slice(separator + 1);
  if (name !== cluster) {
    const theirs = JSON.stringify(name.slice(0, 64));
    return `it belongs to the cluster ${theirs}, not to ${JSON.stringify(cluster)}`;
  }
  if (version !== String(frameVersion)) {
    const theirs = version.slice(0, 8);
    return `it uses version ${theirs} of the frame format, this member uses ${frameVersion}`;
  }
  return null;
}

/**
 * Returns whether a trusted certificate contains one of these names, as its subject CN, a DNS name or an IP
 * address.
 */
export function certificateMatches(certificate: PeerCertificate, ...wanted: readonly string[]): boolean {
  const names = new Set<string>();
  const commonName: unknown = certificate.subject?.CN;
  if (typeof commonName === 'string') names.add(commonName.toLowerCase());
  for (const part of (certificate.subjectaltname ?? '').split(', ')) {
    const match = /^(?:DNS|IP Address):(.+)$/.exec(part);
    if (match) names.add(match[1]!.toLowerCase());
  }
  return wanted.some((name) => names.has(name.toLowerCase()));
}
