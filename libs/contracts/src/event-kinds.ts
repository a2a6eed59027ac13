/**
 * The kinds of events that members record and that the HTTP API lists: those of clients first, then those of the
 * cluster.
 */
export const eventKinds = [
  'connected',
  'disconnected',
  'takenOver',
  'refused',
  'redirected',
  'elected',
  'isolated',
  'serving',
  'draining',
  'configChanged',
  'snapshotInstalled',
  'alarm',
] as const;

export type EventKind = (typeof eventKinds)[number];
