import { useState } from 'preact/hooks';
import { describe } from '../../api/problem.ts';
import { deleteRetainedBy } from '../../api/requests.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import { plural } from '../../text/format.ts';

/** Deletes all retained messages of a filter. A dry run counts them first. */
export function DeleteMany({ filter, refresh }: { filter: string; refresh: () => void }) {
  const [isCounting, setCounting] = useState(false);
  const ask = async (): Promise<void> => {
    setCounting(true);
    try {
      const { matched } = await deleteRetainedBy(filter, true);
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
    run: async () => {
      const { deleted } = await deleteRetainedBy(filter, false);
      announce(`${plural(deleted, 'retained message')} deleted.`);
      refresh();
    },
  });
}
