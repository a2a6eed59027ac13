import type { Random } from '@mqtt-cluster/kit';
import type { MemberPlace } from '@mqtt-cluster/lab';
import { makeSequence } from './mqtt/sequences.ts';
import type { Sequence } from './mqtt/sequences.ts';
import { goldenCorpus } from './offline/corpus.ts';
import { fileTargets } from './offline/file-targets.ts';
import { storeTarget } from './offline/store-target.ts';
import { wireTargets } from './offline/wire-targets.ts';
import { bodyTarget } from './online/body-target.ts';
import { makeClusterPortSequence } from './online/cluster-port-sequences.ts';
import { makeHttpSequence } from './online/http-sequences.ts';
import { streamTarget } from './online/stream-target.ts';
import { brokenWebSocket, proxied, tcp, tls, webSocket } from './online/transports.ts';
import type { Transport } from './online/transports.ts';
import type { AttackPorts } from './online/attacked-listeners.ts';
import type { Target } from './target.ts';

export const offlineNames = [
  'bridge-frames',
  'log-batches',
  'snapshots',
  'store-files',
  'password-files',
  'acl-files',
  'rules-files',
  'key-sets',
] as const;
export const onlineNames = [
  'mqtt',
  'tls',
  'ws',
  'wss',
  'ws-bytes',
  'proxy',
  'http',
  'http-bodies',
  'cluster-port',
] as const;
export type TargetName = (typeof offlineNames)[number] | (typeof onlineNames)[number];

/** Targets without a cluster: parsers and the store. @param root folder of the repository */
export function offlineTargets(root: string): Target[] {
  return [...wireTargets(root), storeTarget(), ...fileTargets(root)];
}

export interface OnlineTargetOptions {
  /** The attacked member. */
  readonly member: MemberPlace;
  /** The ports of its further listeners. */
  readonly ports: AttackPorts;
  /** The token of its administrators. */
  readonly token: string;
  /** A text in each message of the witness. */
  readonly secret: string;
}

/**
 * Targets of a running cluster. All attack one member.
 *
 * @param root folder of the repository
 */
export function onlineTargets(root: string, { member, ports, token, secret }: OnlineTargetOptions): Target[] {
  const { host, mqttPort, httpPort, clusterPort } = member;
  const frames = goldenCorpus(root, 'bridge', 'frames.json');
  const target = (name: string, transport: Transport, sequence: (random: Random) => Sequence): Target =>
    streamTarget(name, transport, sequence, secret);
  const transports = [
    tls({ host, port: ports.tls }),
    webSocket({ host, port: ports.ws }, false),
    webSocket({ host, port: ports.wss }, true),
    brokenWebSocket({ host, port: ports.ws }),
    proxied({ host, port: ports.proxy }),
  ];
  return [
    target('mqtt', tcp({ host, port: mqttPort }), makeSequence),
    ...transports.map((transport) => target(transport.name, transport, makeSequence)),
    target('http', tcp({ host, port: httpPort }), makeHttpSequence),
    bodyTarget({ host, port: httpPort }, token),
    target('cluster-port', tcp({ host, port: clusterPort }), (random) =>
      makeClusterPortSequence(random, frames),
    ),
  ];
}
