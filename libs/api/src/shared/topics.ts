const topicBytesMax = 65_535;

/** Returns whether a text is a topic name: not empty, without wildcards [MQTT-3.3.2-2] and U+0000 [MQTT-4.7.3-2]. */
export function isTopicName(text: string): boolean {
  return text.length > 0 && text.length <= topicBytesMax && !/[#+\0]/.test(text);
}

/**
 * Returns whether a text is a topic filter: `#` only alone in the last level [MQTT-4.7.1-1], `+` only alone in a level
 * [MQTT-4.7.1-2].
 */
export function isTopicFilter(text: string): boolean {
  if (text.length === 0 || text.length > topicBytesMax || text.includes('\0')) return false;
  const levels = text.split('/');
  return levels.every((level, position) => {
    if (level === '#') return position === levels.length - 1;
    return level === '+' || !/[+#]/.test(level);
  });
}
