import { accessSemantics } from '@mqtt-cluster/contracts';
import type {
  ClientEffect,
  ConnectionId,
  EverySecond,
  LinkState,
  Logger,
  MemberId,
} from '@mqtt-cluster/contracts';
import { LinkManager } from '@mqtt-cluster/links';
import type { PeerAnswer } from '@mqtt-cluster/links';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { ApplianceConfig } from '../config.ts';
import type { MemberRunner } from '../node/member-runner.ts';
import type { PeerQueries } from '../queries/index.ts';
import { LinkConnections } from './link-connections.ts';

/** The question of one member to another about all links. Its answer is a list of link reports. */
export const linksQuestion = 'links';
/** Code of the answer of a member whose version does not have the question, as in HTTP. */
const unsupportedKind = 404;

export interface LinkComponents {
  readonly config: ApplianceConfig;
  readonly runner: MemberRunner;
  readonly queries: PeerQueries;
  readonly linkState: (peer: MemberId) => LinkState;
  readonly nextConnection: () => ConnectionId;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly everySecond: EverySecond;
}

export interface Links {
  readonly manager: LinkManager;
  readonly onEffects: (effects: readonly ClientEffect[]) => void;
}

/** Creates the part of the appliance that runs links to other brokers, and answers the questions of other members. */
export function composeLinks({
  config,
  runner,
  queries,
  linkState,
  nextConnection,
  logger,
  metrics,
  everySecond,
}: LinkComponents): Links {
  const connections = new LinkConnections(runner, nextConnection);
  const manager = new LinkManager({
    self: config.id,
    members: () => config.peers.map(({ id }) => id),
    member: connections,
    linkState,
    ask: async (peer, deadlineMs): Promise<PeerAnswer> => {
      const answer = await queries.ask(peer, linksQuestion, null, deadlineMs);
      if (answer.outcome !== 'failed') return answer;
      return { outcome: answer.code === unsupportedKind ? 'tooOld' : 'failed' };
    },
    directory: config.links.directory,
    packetBytesMax: config.mqtt.packetBytesMax,
    mark: config.name,
    semantics: accessSemantics,
    logger,
    metrics,
    everySecond,
    now: () => performance.now(),
  });
  queries.on(linksQuestion, () => manager.reports());
  return { manager, onEffects: (effects) => connections.onEffects(effects) };
}
