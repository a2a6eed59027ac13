import { adminTopicPrefix, bridgeTopicPrefix } from '@mqtt-cluster/contracts';

const slash = 47;
const plus = 43;
const hash = 35;

const topicLevelsMax = 100;

/**
 * Why a topic name or filter is rejected. The guard closes the connection for the fault `malformed`. For
 * the other faults the guard answers with a reason code if the protocol version has a suitable reason code.
 */
export type TopicFault = 'malformed' | 'tooManyLevels' | 'reserved';

/**
 * Checks a topic name that a client publishes to [MQTT-3.3.2-2, MQTT-4.7.3-1]. Returns null if it is valid.
 */
export function topicNameFault(topic: string): TopicFault | null {
  if (topic.length === 0) return 'malformed';
  let levels = 1;
  for (let index = 0; index < topic.length; index++) {
    const code = topic.charCodeAt(index);
    if (code === plus || code === hash) return 'malformed';
    if (code === slash) levels++;
  }
  if (levels > topicLevelsMax) return 'tooManyLevels';
  return topic.charCodeAt(0) === 36 && isReserved(topic) ? 'reserved' : null;
}

/**
 * The topic on which a bridge announces whether it is connected. An MQTT 5 bridge cannot be
 * recognised, so any client may publish it, as in Mosquitto.
 */
const bridgeStateTopic = /^\$SYS\/broker\/connection\/[^/]*\/state$/;

export function isBridgeStateTopic(topic: string): boolean {
  return bridgeStateTopic.test(topic);
}

const clusterTopicPrefix = '$cluster/';

/**
 * Clients may not publish to `$SYS` [MQTT-4.7.2-1] nor to the topics that members use between themselves. The role of
 * the client decides about the admin topics.
 */
function isReserved(topic: string): boolean {
  if (isUnder(topic, bridgeTopicPrefix)) return true;
  if (isUnder(topic, clusterTopicPrefix)) return !topic.startsWith(adminTopicPrefix);
  return isUnder(topic, '$SYS/') && !isBridgeStateTopic(topic);
}

const sharePrefix = '$share/';

/**
 * Checks a topic filter, also one of the form `$share/group/filter` [MQTT-4.7.1-2, MQTT-4.7.1-3,
 * MQTT-4.8.2-1, MQTT-4.8.2-2]. Returns null if it is valid.
 */
export function topicFilterFault(filter: string): TopicFault | null {
  let plain = filter;
  if (filter.startsWith(sharePrefix)) {
    const groupEnd = filter.indexOf('/', sharePrefix.length);
    const group = filter.slice(sharePrefix.length, groupEnd);
    if (groupEnd < 0 || group.length === 0 || /[+#]/.test(group)) return 'malformed';
    plain = filter.slice(groupEnd + 1);
  }
  if (plain.length === 0) return 'malformed';
  const levels = plain.split('/');
  for (const [index, level] of levels.entries()) {
    if (level.length > 1 && /[+#]/.test(level)) return 'malformed';
    if (level === '#' && index < levels.length - 1) return 'malformed';
  }
  if (levels.length > topicLevelsMax) return 'tooManyLevels';
  const isClosed = isUnder(plain, bridgeTopicPrefix) || isUnder(plain, clusterTopicPrefix);
  return isClosed ? 'reserved' : null;
}

export function isSharedSubscription(filter: string): boolean {
  return filter.startsWith(sharePrefix);
}

/** For the prefix `$bridge/`: matches `$bridge/raft`, `$bridge/#` and `$bridge` itself. */
function isUnder(topic: string, prefix: string): boolean {
  return topic.startsWith(prefix) || topic === prefix.slice(0, -1);
}
