import { bridgeTopicPrefix } from '@mqtt-cluster/contracts';

const slash = 47;
const plus = 43;
const hash = 35;

export const topicLevelsMax = 100;

/**
 * Why a name or filter is refused: `malformed` ends the connection, the others are answered where
 * possible.
 */
export type TopicFault = 'malformed' | 'tooManyLevels' | 'reserved';

/** A topic name that a client may publish to [MQTT-3.3.2-2, MQTT-4.7.3-1]. */
export function topicNameFault(topic: string): TopicFault | null {
  if (topic.length === 0) return 'malformed';
  let levels = 1;
  for (let index = 0; index < topic.length; index++) {
    const code = topic.charCodeAt(index);
    if (code === plus || code === hash) return 'malformed';
    if (code === slash) levels++;
  }
  if (levels > topicLevelsMax) return 'tooManyLevels';
  // The server's own topics [MQTT-4.7.2-1], and those between members.
  if (topic.charCodeAt(0) === 36 && (isBelow(topic, '$SYS/') || isBelow(topic, bridgeTopicPrefix))) {
    return 'reserved';
  }
  return null;
}

const sharePrefix = '$share/';

/**
 * A topic filter, `$share/group/filter` included [MQTT-4.7.1-2, MQTT-4.7.1-3, MQTT-4.8.2-1,
 * MQTT-4.8.2-2].
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
  return isBelow(plain, bridgeTopicPrefix) ? 'reserved' : null;
}

export function isShared(filter: string): boolean {
  return filter.startsWith(sharePrefix);
}

/** `$bridge/raft`, `$bridge/#` and `$bridge` itself. */
function isBelow(topic: string, prefix: string): boolean {
  return topic.startsWith(prefix) || topic === prefix.slice(0, -1);
}
