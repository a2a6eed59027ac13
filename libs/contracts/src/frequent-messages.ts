/**
 * A quick check of the messages that make up nearly all frames: one Raft append, heartbeat or append answer. The schemas
 * of `peer-message.ts` declare them. A list that this check accepts matches its schema; a list that it does not accept may
 * match, too. The check exists because an idle member has other code in its caches, and the general check of a heartbeat
 * then costs as much as a system call.
 */
export function isFrequentList(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 1) return false;
  const envelope = value[0] as unknown;
  if (!isRecord(envelope) || envelope['type'] !== 'raft') return false;
  const { clusterTimeMs, message } = envelope;
  if (clusterTimeMs !== undefined && typeof clusterTimeMs !== 'number') return false;
  if (!isRecord(message) || typeof message['round'] !== 'number') return false;
  const { term, storeId, toStoreId } = message;
  if (!isCount(term) || typeof storeId !== 'string' || typeof toStoreId !== 'string') return false;
  return message['type'] === 'appendRequest'
    ? isAppend(message)
    : message['type'] === 'appendResponse' && isAppendAnswer(message);
}

function isAppend({ previousIndex, previousTerm, entries, commit }: Record<string, unknown>): boolean {
  return (
    isCount(previousIndex) &&
    isCount(previousTerm) &&
    isCount(commit) &&
    Array.isArray(entries) &&
    entries.every(isNormalEntry)
  );
}

function isNormalEntry(entry: unknown): boolean {
  if (!isRecord(entry)) return false;
  const { index, term, kind, data, config } = entry;
  return (
    isCount(index) && isCount(term) && kind === 'normal' && data instanceof Uint8Array && config === undefined
  );
}

function isAppendAnswer({ success, matchIndex, conflictTerm }: Record<string, unknown>): boolean {
  return (
    typeof success === 'boolean' && Number.isSafeInteger(matchIndex) && Number.isSafeInteger(conflictTerm)
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
