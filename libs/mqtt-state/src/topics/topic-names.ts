/**
 * Bound on the levels of a topic or filter, so that recursion stays shallow. The broker already rejects
 * topics at a lower bound.
 */
const topicLevelsMax = 200;
/** The length of an MQTT string is encoded in two bytes (MQTT 5, 1.5.4). */
const topicBytesMax = 65_535;
const sharePrefix = '$share/';

/** The parts of `$share/ShareName/filter` (MQTT 5, 4.8.2). */
export interface SharedFilter {
  readonly shareName: string;
  /** The filter that topics are matched against. */
  readonly filter: string;
}

function isWithinLevelLimit(name: string): boolean {
  let levels = 1;
  for (let at = name.indexOf('/'); at !== -1; at = name.indexOf('/', at + 1)) {
    if (++levels > topicLevelsMax) return false;
  }
  return true;
}

/**
 * Returns whether a topic name has at least one character, no wildcard [MQTT-3.3.2-2] and no U+0000
 * [MQTT-4.7.3-2].
 */
export function isValidTopicName(topic: string): boolean {
  if (topic.length === 0 || topic.length > topicBytesMax) return false;
  for (let position = 0; position < topic.length; position++) {
    const code = topic.charCodeAt(position);
    if (code === 0x23 || code === 0x2b || code === 0) return false;
  }
  return isWithinLevelLimit(topic);
}

/**
 * Returns whether a topic filter has `#` only alone in the last level [MQTT-4.7.1-1] and `+` only alone in a
 * level [MQTT-4.7.1-2]. A shared filter needs a ShareName and a valid filter [MQTT-4.8.2-1].
 */
export function isValidTopicFilter(filter: string): boolean {
  if (filter.startsWith(sharePrefix) || filter === '$share') {
    const shared = parseSharedFilter(filter);
    return shared !== null && isValidUnsharedFilter(shared.filter) && !/[+#\0]/.test(shared.shareName);
  }
  return isValidUnsharedFilter(filter);
}

function isValidUnsharedFilter(filter: string): boolean {
  if (filter.length === 0 || filter.length > topicBytesMax || filter.includes('\0')) return false;
  if (!isWithinLevelLimit(filter)) return false;
  if (!filter.includes('+') && !filter.includes('#')) return true;
  const levels = filter.split('/');
  return levels.every((level, position) => {
    if (level === '#') return position === levels.length - 1;
    return level === '+' || (!level.includes('+') && !level.includes('#'));
  });
}

/** Splits `$share/ShareName/filter`. Returns null if the filter is not shared or lacks a part. */
export function parseSharedFilter(filter: string): SharedFilter | null {
  if (!filter.startsWith(sharePrefix)) return null;
  const end = filter.indexOf('/', sharePrefix.length);
  if (end <= sharePrefix.length || end === filter.length - 1) return null;
  return { shareName: filter.slice(sharePrefix.length, end), filter: filter.slice(end + 1) };
}

/**
 * Returns whether an unshared filter matches a topic. A wildcard in the first level matches no `$` topic
 * [MQTT-4.7.2-1].
 */
export function topicMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && (filter.startsWith('+') || filter.startsWith('#'))) return false;
  const wanted = filter.split('/');
  const levels = topic.split('/');
  for (const [position, level] of wanted.entries()) {
    if (level === '#') return true;
    if (position >= levels.length) return false;
    if (level !== '+' && level !== levels[position]) return false;
  }
  return wanted.length === levels.length;
}
