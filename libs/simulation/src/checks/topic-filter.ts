/**
 * Returns whether a topic matches a filter (MQTT 5, 4.7), without regard to a prefix `$share/group/`. The
 * checks do not use the members' implementation, so that they detect errors in it.
 */
export function filterMatches(filter: string, topic: string): boolean {
  const filterLevels = plainFilter(filter).split('/');
  const topicLevels = topic.split('/');
  // [MQTT-4.7.2-1]: wildcards do not reach `$` topics.
  if (topic.startsWith('$') && /^[+#]/.test(filterLevels[0] ?? '')) return false;
  for (const [place, level] of filterLevels.entries()) {
    if (level === '#') return true;
    if (place >= topicLevels.length) return false;
    if (level !== '+' && level !== topicLevels[place]) return false;
  }
  return filterLevels.length === topicLevels.length;
}

export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}

function plainFilter(filter: string): string {
  return isShared(filter) ? filter.split('/').slice(2).join('/') : filter;
}
