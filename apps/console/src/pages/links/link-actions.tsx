import { pauseLink, removeLink, resumeLink, testLink } from '../../api/requests.ts';
import type { Link } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Needs } from '../../parts/needs.tsx';
import { plural } from '../../text/format.ts';

/** The acts on one link that the role permits. */
export function LinkActions({ link, refresh }: { link: Link; refresh: () => void }) {
  const { name, state } = link;
  const acts =
    state === 'invalid'
      ? []
      : [
          { text: 'Test', run: () => askToTest(name) },
          state === 'paused'
            ? { text: 'Resume', run: () => askToResume(link, refresh) }
            : { text: 'Pause', run: () => askToPause(name, refresh) },
        ];
  return (
    <span class="row-acts">
      <Needs role="operator" to="test, pause and resume links" isQuiet>
        {acts.map(({ text, run }) => (
          <button
            key={text}
            type="button"
            class="link-button"
            aria-label={`${text} ${name}`}
            onClick={() => run()}
          >
            {text}
          </button>
        ))}
      </Needs>
      <Needs role="admin" to="remove links" isQuiet>
        <button
          type="button"
          class="link-button link-danger"
          aria-label={`Remove ${name}`}
          onClick={() => askToRemove(link, refresh)}
        >
          Remove
        </button>
      </Needs>
    </span>
  );
}

/** Runs an act on a link, and announces the answer of the member. */
async function act(
  request: (name: string) => Promise<{ text: string }>,
  name: string,
  refresh: () => void,
): Promise<void> {
  const { text } = await request(name);
  announce(text);
  refresh();
}

function askToTest(name: string): void {
  confirm({
    title: `Test ${name}?`,
    body: (
      <p>
        A member connects to each address of the link with a client id of its own. It sends no message, and
        the link goes on.
      </p>
    ),
    action: 'Test',
    run: async () => {
      const { text } = await testLink(name);
      announce(`${name}: ${text}`);
    },
  });
}

function askToPause(name: string, refresh: () => void): void {
  confirm({
    title: `Pause ${name}?`,
    body: (
      <p>
        The link disconnects. Its messages wait in the cluster, with the bounds of a session that is not
        connected.
      </p>
    ),
    action: 'Pause',
    run: () => act(pauseLink, name, refresh),
  });
}

function askToResume({ name, lagMessages }: Link, refresh: () => void): void {
  confirm({
    title: `Resume ${name}?`,
    body: <p>A member connects, and sends {plural(lagMessages, 'waiting message')}.</p>,
    action: 'Resume',
    run: () => act(resumeLink, name, refresh),
  });
}

function askToRemove({ name, lagMessages }: Link, refresh: () => void): void {
  confirm({
    title: `Remove ${name}?`,
    body: (
      <p>
        The link ends. The cluster deletes {plural(lagMessages, 'waiting message')} and the session at the
        other broker. A stream of JetStream stays.
      </p>
    ),
    action: 'Remove',
    isDangerous: true,
    run: () => act(removeLink, name, refresh),
  });
}
