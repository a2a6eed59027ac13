/** Bytes of a topic name [MQTT-4.7.3-3]. */
const topicBytesMax = 65_535;
/** Levels that members accept. */
const topicLevelsMax = 100;

/**
 * Returns why a mapped topic is no topic for messages of clients, or null. A prefix and the rest of a topic are harmless
 * alone, but together they can begin with `$`, which is for the topics of brokers.
 */
export function topicFault(topic: string): string | null {
  if (topic === '') return 'it is empty';
  if (topic.startsWith('$')) return 'it begins with $';
  if (/[+#\0]/.test(topic)) return 'it contains +, # or U+0000';
  if (Buffer.byteLength(topic) > topicBytesMax) return `it has more than ${topicBytesMax} bytes`;
  return topic.split('/', topicLevelsMax + 1).length > topicLevelsMax
    ? `it has more than ${topicLevelsMax} levels`
    : null;
}

/** Returns the beginning of a topic for a message to people, without control characters. */
export function shownTopic(topic: string): string {
  const shown = topic.slice(0, 100).replace(/\p{Cc}/gu, '?');
  return topic.length > shown.length ? `${shown}...` : shown;
}
