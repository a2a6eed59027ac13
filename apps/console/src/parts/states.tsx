import type { ComponentChildren } from 'preact';
import type { Polled } from '../api/polled.ts';
import { duration, names } from '../text/format.ts';

export function Loading({ what }: { what: string }) {
  return (
    <p class="state state-loading" role="status">
      Loading {what}…
    </p>
  );
}

/** Nothing to show, and what the user can do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state state-empty">
      <p class="state-title">{title}</p>
      {children !== undefined && <p>{children}</p>}
    </div>
  );
}

export function Failed({ message, retry }: { message: string; retry?: (() => void) | undefined }) {
  return (
    <div class="state state-failed" role="alert">
      <p class="state-title">{message}</p>
      {retry !== undefined && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Shows polled data, or why there is none. Old data stays visible when the member stops to answer. */
export function WithData<Data>({
  polled,
  what,
  children,
}: {
  polled: Polled<Data>;
  what: string;
  children: (data: Data) => ComponentChildren;
}) {
  const data = polled.data.value;
  const error = polled.error.value;
  const retryInMs = polled.retryInMs.value;
  if (data === null)
    return error === null ? (
      <Loading what={what} />
    ) : (
      <Failed message={error.message} retry={polled.refresh} />
    );
  return (
    <>
      {error !== null && (
        <p class="strip strip-warning" role="status">
          {error.message} What you see is old.{' '}
          {retryInMs !== null && `The next attempt is in ${duration(retryInMs / 1000)}.`}
        </p>
      )}
      {children(data)}
    </>
  );
}

/** Names the members that did not contribute to an answer, and what is missing because of that. */
export function Missing({
  unreachable,
  tooOld,
  consequence,
}: {
  unreachable: readonly string[];
  tooOld: readonly string[];
  consequence: string;
}) {
  if (unreachable.length === 0 && tooOld.length === 0) return null;
  return (
    <p class="strip strip-warning" role="status">
      {unreachable.length > 0 && (
        <>
          <strong>{names(unreachable)}</strong> did not answer.{' '}
        </>
      )}
      {tooOld.length > 0 && (
        <>
          <strong>{names(tooOld)}</strong> {tooOld.length === 1 ? 'runs' : 'run'} an older version that cannot
          answer.{' '}
        </>
      )}
      {consequence}
    </p>
  );
}
