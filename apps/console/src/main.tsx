import { render } from 'preact';
import { useEffect } from 'preact/hooks';
import { me } from './api/authorization.ts';
import { startPolling } from './api/polled.ts';
import { ApiError } from './api/problem.ts';
import { getMe } from './api/requests.ts';
import { startOverview, stopOverview } from './app/overview.ts';
import { startRouter } from './app/router.ts';
import { Shell } from './app/shell.tsx';
import { SignInPage } from './app/sign-in.tsx';
import { Failed, Loading } from './parts/states.tsx';
import { signal } from '@preact/signals';

const meEveryMs = 3_000;
/** Why the request for the signed-in user failed; null after an answer. */
const startError = signal<string | null>(null);

/** Asks who the user is until the member answers. An answer 401 means that the user has to sign in. */
function askMe(): void {
  const polled = startPolling(
    async (abort) => {
      try {
        me.value = await getMe(abort);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401) {
          startError.value = error instanceof Error ? error.message : String(error);
          throw error;
        }
        me.value = null;
      }
      startError.value = null;
    },
    meEveryMs,
    () => polled.stop(),
  );
}

function Console() {
  const user = me.value;
  const isSignedIn = user !== null && user !== undefined;
  useEffect(() => {
    if (isSignedIn) startOverview();
    else stopOverview();
  }, [isSignedIn]);
  if (user === undefined)
    return (
      <main class="sign-in">
        {startError.value === null ? <Loading what="the console" /> : <Failed message={startError.value} />}
      </main>
    );
  return user === null ? <SignInPage /> : <Shell user={user} />;
}

startRouter();
askMe();
const root = document.getElementById('console');
if (root !== null) render(<Console />, root);
