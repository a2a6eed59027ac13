import { useState } from 'preact/hooks';
import { describe } from '../../api/problem.ts';
import { countRetainedBy, deleteRetainedBy } from '../../api/requests.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import type { RunningAct } from '../../parts/confirm.tsx';
import { count, plural } from '../../text/format.ts';

/** Messages that one request deletes: small enough for regular progress. */
const deletionsPerRequest = 2_000;

/** Deletes all retained messages of a filter. A dry run counts them first. */
export function DeleteMany({ filter, refresh }: { filter: string; refresh: () => void }) {
  const [isCounting, setCounting] = useState(false);
  const ask = async (): Promise<void> => {
    setCounting(true);
    try {
      const { matched } = await countRetainedBy(filter);
      askToDelete(filter, matched, refresh);
    } catch (error) {
      announce(describe(error), 'failed');
    } finally {
      setCounting(false);
    }
  };
  return (
    <button type="button" class="button button-danger" disabled={isCounting} onClick={() => void ask()}>
      {isCounting ? 'Counting…' : 'Delete all that match…'}
    </button>
  );
}

function askToDelete(filter: string, matched: number, refresh: () => void): void {
  confirm({
    title: `Delete ${plural(matched, 'retained message')}?`,
    body: (
      <>
        <p>
          A dry run found {plural(matched, 'retained message')} that match <code>{filter}</code> now.
        </p>
        <p>They are deleted on all members and cannot be restored. Queued messages stay.</p>
      </>
    ),
    action: 'Delete all',
    isDangerous: true,
    isPossible: matched > 0,
    run: async (running) => {
      try {
        await deleteAll(filter, matched, running);
      } finally {
        refresh();
      }
    },
  });
}

/** Deletes by as many requests as needed. It ends after the current request if the user closes the dialog. */
async function deleteAll(filter: string, matched: number, { report, signal }: RunningAct): Promise<void> {
  let deleted = 0;
  let after: string | null = null;
  let isDone = false;
  try {
    do {
      const answer: { deleted: number; next?: string | null } = await deleteRetainedBy({
        filter,
        limit: deletionsPerRequest,
        ...(after !== null && { after }),
      });
      deleted += answer.deleted;
      // An answer without the cursor is the last one.
      const next: string | null = answer.next ?? null;
      if (next !== null && next === after)
        throw new Error('The member repeats a part of the deletion. Try again.');
      after = next;
      report(`${count(deleted)} of about ${count(matched)} deleted.`);
    } while (after !== null && !signal.aborted);
    isDone = after === null;
  } finally {
    if (deleted > 0 || isDone)
      announce(`${plural(deleted, 'retained message')} deleted.${isDone ? '' : ' The others stay.'}`);
  }
}
