import { accessSemantics } from '@mqtt-cluster/contracts';
import type { Message } from '@mqtt-cluster/contracts';
import { isWithinShare } from '../bounds/share.ts';
import { retainedBytes } from '../bounds/sizes.ts';
import type { ApplyContext } from '../state-data.ts';

/**
 * Returns whether the bounds permit the retained message. A message that replaces the retained message of its
 * topic needs only the bytes that it has more.
 */
export function isWithinRetainedBounds(
  { data, semantics }: Pick<ApplyContext, 'data' | 'semantics'>,
  message: Message,
  owner: string | null,
): boolean {
  const { settings, retained, usage } = data;
  const known = retained.get(message.topic);
  if (!known && retained.size >= settings.retainedMax) return false;
  if (semantics < accessSemantics) return true;
  const bytes = retainedBytes(message) - (known ? retainedBytes(known.message) : 0);
  if (known && bytes <= 0) return true;
  const account = usage.find(owner, message.publisher ?? '');
  const held = account?.retainedBytes ?? 0;
  if (held + bytes > settings.userRetainedBytesMax) return false;
  if (!isWithinShare(held, bytes, usage.retainedBytes, settings.retainedBytesMax)) return false;
  return (
    known !== undefined ||
    isWithinShare(account?.retainedMessages ?? 0, 1, retained.size, settings.retainedMax)
  );
}
