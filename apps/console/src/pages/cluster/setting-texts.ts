import type { Settings } from '../../api/types.ts';

export type SettingName = keyof Settings;

interface SettingText {
  readonly label: string;
  readonly unit: 'bytes' | 'count' | 'ms' | 's' | 'choice';
}

/** How the page names each setting. A setting of a newer version appears with its own name. */
const texts: Readonly<Record<string, SettingText>> = {
  queuedMessagesMax: { label: 'Queue of an offline session, messages', unit: 'count' },
  queuedBytesMax: { label: 'Queue of an offline session, size', unit: 'bytes' },
  connectedQueuedMessagesMax: { label: 'Queue of a connected session, messages', unit: 'count' },
  connectedQueuedBytesMax: { label: 'Queue of a connected session, size', unit: 'bytes' },
  queueFull: { label: 'When a queue is full', unit: 'choice' },
  sessionsMax: { label: 'Sessions of the cluster', unit: 'count' },
  clusterQueuedBytesMax: { label: 'Queued payloads of the cluster, size', unit: 'bytes' },
  incomingMax: { label: 'Unreleased QoS 2 packet ids of a client', unit: 'count' },
  sessionExpirySecondsMax: { label: 'Longest session expiry', unit: 's' },
  orphanGraceMs: { label: 'Wait for clients of a restarted member', unit: 'ms' },
  retainedMax: { label: 'Retained messages', unit: 'count' },
  clusterQueueMemoryMax: { label: 'All queues, memory', unit: 'bytes' },
  connectedQueueReserve: { label: 'Reserve for connected sessions, memory', unit: 'bytes' },
  userQueueMemoryMax: { label: 'Queues of one user, memory', unit: 'bytes' },
  retainedBytesMax: { label: 'All retained messages, memory', unit: 'bytes' },
  userRetainedBytesMax: { label: 'Retained messages of one user, memory', unit: 'bytes' },
  sessionSubscriptionsMax: { label: 'Subscriptions of a session', unit: 'count' },
  sessionSubscriptionBytesMax: { label: 'Subscriptions of a session, memory', unit: 'bytes' },
  subscriptionBytesMax: { label: 'All subscriptions, memory', unit: 'bytes' },
  sessionWillBytesMax: { label: 'Will of a connection, memory', unit: 'bytes' },
  willBytesMax: { label: 'All wills, memory', unit: 'bytes' },
  userSessionsMax: { label: 'Sessions of one user', unit: 'count' },
};

export const queueFullTexts = [
  ['drop-oldest', 'drop the oldest message'],
  ['refuse', 'refuse the publish'],
] as const;

export function settingText(name: string): SettingText {
  return texts[name] ?? { label: name, unit: 'count' };
}

const multiples = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 } as const;

/** Parses a typed value: a whole number, for sizes also `16 MiB`. @returns null if the text is neither */
export function parseSetting(text: string, isBytes: boolean): number | null {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmg])i?b?)?$/i.exec(text.trim().replaceAll(',', ''));
  const unit = match?.[2]?.toLowerCase() as keyof typeof multiples | undefined;
  if (match === null || (unit !== undefined && !isBytes)) return null;
  const value = Number(match[1]) * (unit === undefined ? 1 : multiples[unit]);
  return Number.isSafeInteger(value) ? value : null;
}
