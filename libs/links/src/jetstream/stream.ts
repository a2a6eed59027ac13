import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import type { JetStreamManager, StreamInfo } from '@nats-io/jetstream';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { remoteFilter } from '../topics/topic-map.ts';
import { serverFault } from './server-faults.ts';
import { filterToSubjects, isCovered, withoutCovered } from './subjects.ts';

const nanosecondsPerSecond = 1_000_000_000;
/** Code of JetStream: the stream does not exist. */
const streamNotFound = 10_059;

/**
 * Returns the stream of a link, and creates it if it does not exist.
 * @throws Error with one sentence, also if the stream does not fit the definition
 */
export async function ensureStream(
  manager: JetStreamManager,
  definition: LinkDefinition,
): Promise<StreamInfo> {
  const { jetstream } = definition;
  if (jetstream === undefined) throw new Error('the definition names no stream');
  const found = await findStream(manager, jetstream.stream);
  if (found === null) return createStream(manager, definition);
  const fault = streamFault(found, definition);
  if (fault !== null) throw new Error(`the stream ${jetstream.stream} does not fit the link: ${fault}`);
  return found;
}

/** Returns the stream, or null. @throws Error with one sentence */
export async function findStream(manager: JetStreamManager, stream: string): Promise<StreamInfo | null> {
  try {
    return await manager.streams.info(stream);
  } catch (cause) {
    if (cause instanceof JetStreamApiError && cause.code === streamNotFound) return null;
    throw new Error(serverFault(cause), { cause });
  }
}

/** Returns why a stream does not fit a link, in one sentence, or null. */
export function streamFault({ config }: StreamInfo, definition: LinkDefinition): string | null {
  const { replicas, duplicateWindowSeconds } = definition.jetstream!;
  const windowSeconds = config.duplicate_window / nanosecondsPerSecond;
  const missing = subjectsOf(definition, 'out').find((subject) => !isCovered(subject, config.subjects ?? []));
  if (missing !== undefined)
    return `its subjects do not contain ${missing}: add this subject to the stream, or change the rule`;
  if (windowSeconds < duplicateWindowSeconds)
    return `its duplicate window is ${windowSeconds} s: set it to ${duplicateWindowSeconds} s, or lower duplicateWindowSeconds of the link`;
  if (config.num_replicas < replicas)
    return `it has ${config.num_replicas} replicas: give it ${replicas}, or lower replicas of the link`;
  if (config.no_ack) return 'it acknowledges no messages (no_ack): the link would lose messages';
  const reads = definition.rules.some(({ direction }) => direction === 'in');
  if (reads && config.retention !== RetentionPolicy.Limits)
    return `its retention is ${config.retention}: a link reads only from streams with the retention limits`;
  return null;
}

async function createStream(manager: JetStreamManager, definition: LinkDefinition): Promise<StreamInfo> {
  const { stream, replicas, duplicateWindowSeconds, ageSecondsMax, bytesMax } = definition.jetstream!;
  try {
    return await manager.streams.add({
      name: stream,
      description: 'created by a link of an MQTT cluster',
      subjects: withoutCovered([...subjectsOf(definition, 'out'), ...subjectsOf(definition, 'in')]),
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      num_replicas: replicas,
      max_age: ageSecondsMax * nanosecondsPerSecond,
      max_bytes: bytesMax,
      duplicate_window: duplicateWindowSeconds * nanosecondsPerSecond,
    });
  } catch (cause) {
    throw new Error(
      `the stream ${stream} does not exist, and the server does not create it with ${replicas} replicas: ${serverFault(cause)}`,
      { cause },
    );
  }
}

/** Returns the subjects of the rules of one direction. */
export function subjectsOf(
  { rules }: LinkDefinition,
  direction: LinkDefinition['rules'][number]['direction'],
): string[] {
  return rules
    .filter((rule) => rule.direction === direction)
    .flatMap((rule) => filterToSubjects(remoteFilter(rule)));
}
