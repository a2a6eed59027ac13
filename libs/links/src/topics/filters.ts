/** Returns whether a topic filter matches a topic name [MQTT-4.7.1-2, MQTT-4.7.1-3, MQTT-4.7.2-1]. */
export function filterMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false;
  const levels = filter.split('/');
  const names = topic.split('/');
  for (const [position, level] of levels.entries()) {
    if (level === '#') return true;
    if (position >= names.length || (level !== '+' && level !== names[position])) return false;
  }
  return levels.length === names.length;
}

/** Returns whether a topic exists that both filters match. */
export function filtersOverlap(one: string, other: string): boolean {
  const first = one.split('/');
  const second = other.split('/');
  for (let position = 0; ; position++) {
    const left = first[position];
    const right = second[position];
    if (left === '#' || right === '#') return true;
    if (left === undefined || right === undefined) return left === right;
    if (left !== '+' && right !== '+' && left !== right) return false;
  }
}

/** Returns whether a text is a topic filter: `#` only alone in the last level, `+` only alone in a level. */
export function isTopicFilter(text: string): boolean {
  if (text === '' || text.includes('\0')) return false;
  const levels = text.split('/');
  return levels.every((level, position) => {
    if (level === '#') return position === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}
