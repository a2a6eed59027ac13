import { useState } from 'preact/hooks';
import { addMember } from '../../api/requests.ts';
import { announce } from '../../app/announce.ts';
import { refreshOverview } from '../../app/overview.ts';
import { TextField } from '../../parts/field.tsx';
import { askWithEffect } from './effect.tsx';

export function AddMember() {
  const [id, setId] = useState('');
  const submit = (event: Event): void => {
    event.preventDefault();
    if (id === '') return;
    askWithEffect(id, 'add', {
      title: `Add ${id}?`,
      note: `${id} becomes a learner, and a voter when it has caught up. All members must know its address (setting peers).`,
      action: 'Add',
      run: async () => {
        await addMember(id);
        announce(`${id} was added as a learner.`);
        setId('');
        refreshOverview();
      },
    });
  };
  return (
    <form class="inline-form" onSubmit={submit}>
      <TextField label="Id of a new member" isMono value={id} onChange={setId} />
      <button type="submit" class="button" disabled={id === ''}>
        Add…
      </button>
    </form>
  );
}
