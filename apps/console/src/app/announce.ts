import { signal } from '@preact/signals';

/** A short message about something that has happened. A screen reader reads it. */
export interface Announcement {
  readonly number: number;
  readonly text: string;
  readonly kind: 'done' | 'failed';
}

const shownMs = 6_000;
const shownMax = 3;

export const announcements = signal<readonly Announcement[]>([]);
let last = 0;

export function announce(text: string, kind: Announcement['kind'] = 'done'): void {
  last += 1;
  const number = last;
  announcements.value = [...announcements.value, { number, text, kind }].slice(-shownMax);
  // A failure stays until the user dismisses it.
  if (kind === 'done') window.setTimeout(() => dismiss(number), shownMs);
}

export function dismiss(number: number): void {
  announcements.value = announcements.value.filter((item) => item.number !== number);
}
