import { useState } from 'preact/hooks';
import { me } from '../api/authorization.ts';
import { describe } from '../api/problem.ts';
import { getMe, signIn } from '../api/requests.ts';
import { TextField } from '../parts/field.tsx';
import { Logo } from './shell.tsx';

export function SignInPage() {
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError('');
    try {
      await signIn(user, password);
      me.value = await getMe();
    } catch (reason) {
      setError(describe(reason));
      setPassword('');
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={(event) => void submit(event)}>
        <p class="sign-in-brand">
          <Logo /> <b>MQTT Cluster</b>
        </p>
        <h1>Sign in</h1>
        <p class="quiet">Use a user of the cluster that has the role viewer, operator or admin.</p>
        <TextField label="User" value={user} onChange={setUser} autoComplete="username" isRequired />
        <TextField
          label="Password"
          type="password"
          value={password}
          onChange={setPassword}
          autoComplete="current-password"
          isRequired
        />
        {error !== '' && (
          <p class="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="button button-main" disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="quiet small">
          The first user is created on a member's host:{' '}
          <code>broker-publisher admin users add NAME --role admin</code>
        </p>
      </form>
    </main>
  );
}
