/**
 * Returns whether a topic matches a filter (MQTT 5, 4.7), without regard to a prefix `$share/group/`. The
 * checks do not use the members' implementation, so that they detect errors in it.
 */
export function filterMatches(filter: string, topic: string): boolean {
  // The checks compare each message with each subscription, so this loop creates no strings.
  let place = isShared(filter) ? startOfPlainFilter(filter) : 0;
  // [MQTT-4.7.2-1]: wildcards do not reach `$` topics.
  if (topic.startsWith('$') && (filter[place] === '+' || filter[place] === '#')) return false;
  let topicPlace = 0;
  while (place <= filter.length) {
    const end = endOfLevel(filter, place);
    const wildcard = end === place + 1 ? filter[place] : undefined;
    if (wildcard === '#') return true;
    if (topicPlace > topic.length) return false;
    const topicEnd = endOfLevel(topic, topicPlace);
    if (wildcard !== '+' && !equalParts(filter, place, end, topic, topicPlace, topicEnd)) return false;
    place = end + 1;
    topicPlace = topicEnd + 1;
  }
  return topicPlace > topic.length;
}

function endOfLevel(name: string, from: number): number {
  const end = name.indexOf('/', from);
  return end === -1 ? name.length : end;
}

function equalParts(
  one: string,
  oneFrom: number,
  oneEnd: number,
  other: string,
  otherFrom: number,
  otherEnd: number,
): boolean {
  if (oneEnd - oneFrom !== otherEnd - otherFrom) return false;
  for (let place = 0; place < oneEnd - oneFrom; place += 1)
    if (one.charCodeAt(oneFrom + place) !== other.charCodeAt(otherFrom + place)) return false;
  return true;
}

export function isShared(filter: string): boolean {
  return filter.startsWith('$share/');
}

/** Returns the position behind `$share/group/`. */
function startOfPlainFilter(filter: string): number {
  const end = filter.indexOf('/', filter.indexOf('/') + 1);
  return end === -1 ? filter.length : end + 1;
}
