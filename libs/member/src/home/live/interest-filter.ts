import { detached } from '@mqtt-cluster/contracts';

/**
 * Longest filter that a member announces to its peers, characters. A larger number lets the peers forward fewer messages
 * that no client wants. It also makes the whole interest larger, which a peer receives in one message.
 */
const announcedCharactersMax = 128;

/**
 * Returns the filter that a member announces for a subscribed filter: the filter itself, or for a long one a short filter
 * that matches all of its topics. A client can subscribe to thousands of long filters. The whole interest would then have
 * many megabytes, and its transfer would stop this member and its peers. The home drops the messages that only the short
 * filter matches.
 *
 * A wildcard matches no first level that begins with `$` [MQTT-4.7.2-1], so no shorter filter replaces such a long level.
 */
export function interestIn(filter: string): string {
  if (filter.length <= announcedCharactersMax) return filter;
  const wildcard = '#';
  const lastSlash = filter.lastIndexOf('/', announcedCharactersMax - wildcard.length - 1);
  if (lastSlash >= 0) return detached(filter.slice(0, lastSlash + 1), filter) + wildcard;
  return filter.startsWith('$') ? filter : wildcard;
}
