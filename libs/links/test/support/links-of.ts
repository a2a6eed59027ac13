import { linkDefinitionSchema, silentLogger } from '@mqtt-cluster/contracts';
import { noMetrics } from '@mqtt-cluster/metric-catalogue';
import { LinkManager } from '../../src/index.ts';
import type { LinkManagerOptions } from '../../src/index.ts';
import { createCounters } from '../../src/link/counters.ts';
import type { LinkOptions } from '../../src/link/link-options.ts';
import type { FakeMember } from './fake-member.ts';

/** Returns the links of the member m1, whose only peer m2 does not answer. */
export function managerOf(member: FakeMember, change: Partial<LinkManagerOptions> = {}): LinkManager {
  return new LinkManager({
    self: 'm1',
    members: () => ['m1', 'm2'],
    member,
    linkState: () => 'up',
    ask: async () => ({ outcome: 'unreachable' }),
    directory: '',
    packetBytesMax: 1_000_000,
    mark: 'c',
    semantics: 4,
    logger: silentLogger,
    metrics: noMetrics,
    now: () => performance.now(),
    ...change,
  });
}

/** Returns the options of the link `plant` of this member. Its rules send `a/#` out, unless the definition has others. */
export function linkOptions(member: FakeMember, definition: object): LinkOptions {
  return {
    name: 'plant',
    definition: linkDefinitionSchema.parse({ rules: [{ direction: 'out', filter: 'a/#' }], ...definition }),
    member,
    directory: '',
    packetBytesMax: 1_000,
    mark: 'c/plant',
    counters: createCounters(),
    queuedSinceMs: -Infinity,
    logger: silentLogger,
    now: () => performance.now(),
    onEnded: () => undefined,
  };
}
