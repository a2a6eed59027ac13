import { useState } from 'preact/hooks';

/** The cursors of the pages up to the current one. A cursor leads only forwards, so the way back is remembered. */
export interface Cursors {
  readonly after: string | undefined;
  readonly page: number;
  readonly next: (cursor: string) => void;
  readonly previous: () => void;
  readonly first: () => void;
}

export function useCursors(): Cursors {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  return {
    after: cursors.at(-1),
    page: cursors.length + 1,
    next: (cursor) => setCursors([...cursors, cursor]),
    previous: () => setCursors(cursors.slice(0, -1)),
    first: () => setCursors([]),
  };
}

export function Pager({ cursors, next, label }: { cursors: Cursors; next: string | null; label: string }) {
  if (cursors.page === 1 && next === null) return null;
  return (
    <nav class="pager" aria-label={label}>
      <button type="button" class="button" disabled={cursors.page === 1} onClick={cursors.previous}>
        Previous
      </button>
      <span class="quiet">Page {cursors.page}</span>
      <button
        type="button"
        class="button"
        disabled={next === null}
        onClick={() => next !== null && cursors.next(next)}
      >
        Next
      </button>
    </nav>
  );
}
