const filterBytesMax = 65_535;

/** Returns a sentence about what is wrong with a topic filter, or null if the filter is valid [MQTT5 4.7.1]. */
export function filterError(filter: string): string | null {
  if (filter === '') return 'Enter a topic filter, such as plant/# or plant/+/state.';
  if (filter.includes('\u0000')) return 'A topic filter contains no null character.';
  if (new TextEncoder().encode(filter).length > filterBytesMax)
    return 'A topic filter has at most 65,535 bytes.';
  const levels = filter.split('/');
  const hash = levels.findIndex((level) => level.includes('#'));
  if (hash >= 0 && (levels[hash] !== '#' || hash !== levels.length - 1))
    return '# stands alone in the last level of a topic filter, as in plant/#.';
  if (levels.some((level) => level.includes('+') && level !== '+'))
    return '+ stands for one whole level of a topic filter, as in plant/+/state.';
  return null;
}

/** Returns a sentence about what is wrong with a topic name, or null if the name is valid. */
export function topicError(topic: string): string | null {
  if (topic === '') return 'Enter a topic, such as plant/line1.';
  if (/[+#]/.test(topic)) return 'A topic of a message contains neither + nor #.';
  if (topic.includes('\u0000')) return 'A topic contains no null character.';
  return new TextEncoder().encode(topic).length > filterBytesMax ? 'A topic has at most 65,535 bytes.' : null;
}
