import { useState } from 'preact/hooks';
import { putLink } from '../../api/requests.ts';
import type { LinkDefinition } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import { TextArea, TextField } from '../../parts/field.tsx';
import { parseDefinition } from './link-text.ts';

const example = `{
  "addresses": ["mqtt://10.0.9.1:1883"],
  "rules": [
    { "direction": "out", "filter": "site/#", "qosMax": 1 },
    { "direction": "in", "filter": "orders/#", "qosMax": 1 }
  ]
}`;

/** A form with the name of a link and its definition as JSON, the same as for `mqtt-cluster links add --file`. */
export function AddLink({ refresh }: { refresh: () => void }) {
  const [name, setName] = useState('');
  const [text, setText] = useState(example);
  const parsed = parseDefinition(text);
  const save = (): void => {
    if (typeof parsed === 'string') return;
    confirm({
      title: `Add ${name}?`,
      body: (
        <p>
          A member connects at once and passes messages on. A link with this name gets the new definition, and
          keeps the messages that wait.
        </p>
      ),
      action: 'Add',
      run: async () => {
        const { text: done } = await putLink(name, parsed as LinkDefinition);
        announce(done);
        setName('');
        refresh();
      },
    });
  };
  return (
    <>
      <TextField
        label="Name of the link"
        isMono
        value={name}
        onChange={setName}
        hint="Letters a to z, digits and hyphens, such as plant-south."
      />
      <TextArea
        label="Definition"
        rows={8}
        value={text}
        onChange={setText}
        error={typeof parsed === 'string' ? parsed : null}
        hint="JSON without passwords. Passwords and certificates are in files on the hosts of the members, and the definition names them."
      />
      <div class="actions-row with-gap-above">
        <button
          type="button"
          class="button"
          disabled={name === '' || typeof parsed === 'string'}
          onClick={save}
        >
          Add the link…
        </button>
      </div>
    </>
  );
}
