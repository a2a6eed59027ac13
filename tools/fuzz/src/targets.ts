import type { MemberPlace } from '@mqtt-cluster/lab';
import { makeSequence } from './mqtt/sequences.ts';
import { goldenCorpus } from './offline/corpus.ts';
import { fileTargets } from './offline/file-targets.ts';
import { storeTarget } from './offline/store-target.ts';
import { wireTargets } from './offline/wire-targets.ts';
import { makeClusterPortSequence } from './online/cluster-port-sequences.ts';
import { makeHttpSequence } from './online/http-sequences.ts';
import { streamTarget } from './online/stream-target.ts';
import { brokenWebSocket, proxied, tcp, tls, webSocket } from './online/transports.ts';
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
export const onlineNames = ['mqtt', 'tls', 'ws', 'wss', 'ws-bytes', 'proxy', 'http', 'cluster-port'] as const;
export type TargetName = (typeof offlineNames)[number] | (typeof onlineNames)[number];

/** Targets without a cluster: parsers and the store. @param root folder of the repository */
export function offlineTargets(root: string): Target[] {
  return [...wireTargets(root), storeTarget(), ...fileTargets(root)];
}

/**
 * Targets of a running cluster. All attack one member.
 *
 * @param root folder of the repository
 * @param ports the ports of the member's further listeners
 */
export function onlineTargets(root: string, member: MemberPlace, ports: AttackPorts): Target[] {
  const { host, mqttPort, httpPort, clusterPort } = member;
  const frames = goldenCorpus(root, 'bridge', 'frames.json');
  const transports = [
    tls({ host, port: ports.tls }),
    webSocket({ host, port: ports.ws }, false),
    webSocket({ host, port: ports.wss }, true),
    brokenWebSocket({ host, port: ports.ws }),
    proxied({ host, port: ports.proxy }),
  ];
  return [
    streamTarget('mqtt', tcp({ host, port: mqttPort }), makeSequence),
    ...transports.map((transport) => streamTarget(transport.name, transport, makeSequence)),
    streamTarget('http', tcp({ host, port: httpPort }), makeHttpSequence),
    streamTarget('cluster-port', tcp({ host, port: clusterPort }), (random) =>
      makeClusterPortSequence(random, frames),
    ),
  ];
}
