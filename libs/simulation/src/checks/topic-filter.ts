/**
 * Whether a topic matches a filter (MQTT 5, 4.7); a prefix `$share/group/` is ignored. The checks have an
 * implementation of their own, so that an error in that of the members shows.
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
