import { computed, signal } from '@preact/signals';
import { startPolling } from '../api/polled.ts';
import type { Polled } from '../api/polled.ts';
import { getOverview } from '../api/requests.ts';
import type { Member, Overview } from '../api/types.ts';
import { RateHistory } from './rate-history.ts';

const everyMs = 2_000;

/** The last five minutes of rates. The browser collects them, so they begin when the page is opened. */
export const history = signal(new RateHistory());
/** Changes with each sample of {@link history}. */
export const historyVersion = signal(0);

const polled = signal<(Polled<Overview> & { readonly stop: () => void }) | null>(null);

/** The members and problems as the asked member sees them. All pages use it. */
export const overview = computed<Overview | null>(() => polled.value?.data.value ?? null);
export const overviewError = computed(() => polled.value?.error.value ?? null);
export const overviewRetryInMs = computed(() => polled.value?.retryInMs.value ?? null);
export const overviewAtMs = computed(() => polled.value?.atMs.value ?? null);

export const members = computed<readonly Member[]>(() => overview.value?.members ?? []);
export const askedMember = computed<Member | null>(
  () => members.value.find(({ id }) => id === overview.value?.member) ?? null,
);

export function startOverview(): void {
  if (polled.peek() !== null) return;
  polled.value = startPolling(getOverview, everyMs, (answer) => {
    history.peek().add(answer);
    historyVersion.value += 1;
  });
}

export function stopOverview(): void {
  polled.peek()?.stop();
  polled.value = null;
  history.value = new RateHistory();
}

export function refreshOverview(): void {
  polled.peek()?.refresh();
}
