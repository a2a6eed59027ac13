import { linkSessionPrefix } from '@mqtt-cluster/contracts';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { decodeAppliedMark, encodeAppliedMark } from './jetstream/applied-mark.ts';
import type { AppliedMark } from './jetstream/applied-mark.ts';
import type { NumberMark } from './jetstream/item-numbers.ts';

/** Client id of the session that holds the messages of a link for the other broker. */
export function outgoingClient(link: string): string {
  return `${linkSessionPrefix}${link}`;
}

/** Client id of the session that publishes the messages of the other broker. It holds their QoS 2 packet ids. */
export function incomingClient(link: string): string {
  return `${linkSessionPrefix}${link}/in`;
}

/** Client id of the link at the other broker. */
export function remoteClient(link: string, { clientId }: LinkDefinition): string {
  return clientId ?? `mqtt-cluster-${link}`;
}

/**
 * Prefix of subscriptions that only mark something in the replicated state of a link: nothing is published below
 * `$cluster/link/`.
 */
const markPrefix = '$cluster/link/';

/** Marks that the session at the other broker began after the session of the link. Earlier versions write only this one. */
export const freshRemoteMark = `${markPrefix}fresh`;
const knownRemotePrefix = `${freshRemoteMark}/`;

/** Marks the addresses of the broker that the link has a session at, see `KnownRemote`. */
export function knownRemoteMark(ids: readonly string[]): string {
  return knownRemotePrefix + ids.join('.');
}

/** Returns the ids of all marks of {@link knownRemoteMark}. */
export function markedRemotes(filters: readonly string[]): string[] {
  return levelsOf(filters, knownRemotePrefix).flatMap((levels) => levels.split('.'));
}

export function isRemoteMark(filter: string): boolean {
  return filter === freshRemoteMark || filter.startsWith(knownRemotePrefix);
}

/** A filter to which no link subscribes. An UNSUBSCRIBE of it is an entry of the log that changes nothing. */
export const noMark = `${markPrefix}none`;

const remoteFilterPrefix = `${markPrefix}remote/`;

/** Marks that the link has subscribed to this filter at the other broker. */
export function remoteFilterMark(filter: string): string {
  return remoteFilterPrefix + filter;
}

/** Returns the filter of a mark of {@link remoteFilterMark}, or null. */
export function markedRemoteFilter(mark: string): string | null {
  return mark.startsWith(remoteFilterPrefix) ? mark.slice(remoteFilterPrefix.length) : null;
}

const numberPrefix = `${markPrefix}numbers/`;
const appliedPrefix = `${markPrefix}applied/`;

/** Marks that items up to this quarter of their numbers may have been sent, see `ItemNumbers`. */
export function numberMark({ start, quarter }: NumberMark): string {
  return `${numberPrefix}${start}/${quarter}`;
}

export function markedNumbers(filters: readonly string[]): NumberMark[] {
  return levelsOf(filters, numberPrefix).map((levels) => {
    const [start = '', quarter = ''] = levels.split('/');
    return { start, quarter: Number(quarter) };
  });
}

/** Marks that the messages of a stream up to a sequence number are published in the cluster. */
export function appliedMark(mark: AppliedMark): string {
  return appliedPrefix + encodeAppliedMark(mark);
}

export function markedApplied(filters: readonly string[]): AppliedMark[] {
  return levelsOf(filters, appliedPrefix).map(decodeAppliedMark);
}

/** Returns what follows the prefix in the filters that have it. */
function levelsOf(filters: readonly string[], prefix: string): string[] {
  return filters.filter((filter) => filter.startsWith(prefix)).map((filter) => filter.slice(prefix.length));
}

export function isMark(filter: string): boolean {
  return filter.startsWith(markPrefix);
}

/** User property of a message that has passed a link: one for each link. */
export const hopProperty = 'mqtt-cluster-link';
