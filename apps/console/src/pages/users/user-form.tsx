import { useState } from 'preact/hooks';
import { describe } from '../../api/problem.ts';
import { changeUser } from '../../api/requests.ts';
import type { Role } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { Choice, TextField } from '../../parts/field.tsx';

const empty = { name: '', password: '', groups: '', role: '' };

/** Adds a user, or sets password, groups and role of one that exists. */
export function UserForm({ refresh }: { refresh: () => void }) {
  const [form, setForm] = useState(empty);
  const [error, setError] = useState('');
  const change = (part: Partial<typeof form>): void => setForm({ ...form, ...part });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await changeUser(form.name, {
        ...(form.password === '' ? {} : { password: form.password }),
        groups: form.groups.split(/[\s,]+/).filter(Boolean),
        role: form.role === '' ? null : (form.role as Role),
      });
      announce(`${form.name} was saved.`);
      setForm(empty);
      setError('');
      refresh();
    } catch (reason) {
      setError(describe(reason));
    }
  };
  return (
    <details class="with-gap-above">
      <summary>Add or change a user</summary>
      <form class="form inset" onSubmit={(event) => void submit(event)}>
        <TextField label="User name" value={form.name} onChange={(name) => change({ name })} isRequired />
        <TextField
          label="Password"
          type="password"
          autoComplete="new-password"
          value={form.password}
          onChange={(password) => change({ password })}
          hint="Empty keeps the password of a user that exists."
        />
        <TextField
          label="Groups"
          value={form.groups}
          onChange={(groups) => change({ groups })}
          hint="Separated by commas"
        />
        <Choice
          label="Role in the administration"
          value={form.role}
          onChange={(role) => change({ role })}
          options={[
            ['', 'no role'],
            ['viewer', 'viewer'],
            ['operator', 'operator'],
            ['admin', 'admin'],
          ]}
        />
        <div class="form-wide actions-row">
          <button type="submit" class="button button-main">
            Save the user
          </button>
          {error !== '' && (
            <span class="field-error" role="alert">
              {error}
            </span>
          )}
        </div>
      </form>
    </details>
  );
}
