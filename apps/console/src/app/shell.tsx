import { useEffect, useState } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { me } from '../api/authorization.ts';
import { signOut } from '../api/requests.ts';
import { describe } from '../api/problem.ts';
import type { Me } from '../api/types.ts';
import { ConfirmDialog } from '../parts/confirm.tsx';
import { Empty, Failed, Loading } from '../parts/states.tsx';
import { announce, announcements, dismiss } from './announce.ts';
import { Banner } from './banner.tsx';
import { overview } from './overview.ts';
import { pages } from './pages.ts';
import type { PageEntry } from './pages.ts';
import { href, route } from './router.ts';

const groups = ['See', 'Try', 'Steer'] as const;

/** Everything around a page: the navigation, what is wrong with the connection, and messages. */
export function Shell({ user }: { user: Me }) {
  const [isOpen, setOpen] = useState(false);
  const name = route.value.path[0] ?? '';
  const page = pages.find((entry) => entry.name === name && entry.isShown(user));
  useEffect(() => setOpen(false), [route.value]);
  return (
    <div class="shell">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={href(['overview'])}>
          <Logo />
          <span>
            <b>MQTT Cluster</b>
            <span class="brand-cluster">{overview.value?.cluster ?? ''}</span>
          </span>
        </a>
        <button
          type="button"
          class="button menu-button"
          aria-expanded={isOpen}
          aria-controls="navigation"
          onClick={() => setOpen(!isOpen)}
        >
          Menu
        </button>
        <nav id="navigation" class={isOpen ? 'navigation navigation-open' : 'navigation'} aria-label="Pages">
          {groups.map((group) => (
            <ul key={group}>
              {pages
                .filter((entry) => entry.group === group && entry.isShown(user))
                .map((entry) => (
                  <li key={entry.name}>
                    <a href={href([entry.name])} aria-current={entry.name === name ? 'page' : undefined}>
                      {entry.title}
                    </a>
                  </li>
                ))}
            </ul>
          ))}
          <Account user={user} />
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        <Banner />
        {page === undefined ? (
          <Empty title="There is no such page.">
            <a href={href(['overview'])}>Open the overview</a>
          </Empty>
        ) : (
          <LoadedPage key={page.name} page={page} />
        )}
      </main>
      <Messages />
      <ConfirmDialog />
    </div>
  );
}

function LoadedPage({ page }: { page: PageEntry }) {
  const [loaded, setLoaded] = useState<{ readonly Page: ComponentType } | null>(null);
  const [error, setError] = useState('');
  const load = (): void => {
    setError('');
    page.load().then(
      (Page) => setLoaded({ Page }),
      () => setError('This page could not be loaded. The member may have restarted with another version.'),
    );
  };
  useEffect(load, [page]);
  if (loaded !== null) return <loaded.Page />;
  return error === '' ? (
    <Loading what="the page" />
  ) : (
    <Failed message={error} retry={() => location.reload()} />
  );
}

function Account({ user }: { user: Me }) {
  const leave = async (): Promise<void> => {
    try {
      await signOut();
      me.value = null;
    } catch (error) {
      announce(describe(error), 'failed');
    }
  };
  return (
    <div class="account">
      <p>
        {user.user ?? (user.lab ? 'Lab' : 'Not signed in')}
        <span class="quiet"> · {user.role}</span>
      </p>
      {!user.anonymous && (
        <button type="button" class="link-button" onClick={() => void leave()}>
          Sign out
        </button>
      )}
    </div>
  );
}

function Messages() {
  return (
    <div class="messages" role="status" aria-live="polite">
      {announcements.value.map(({ number, text, kind }) => (
        <div key={number} class={`message message-${kind}`}>
          <p>{text}</p>
          <button
            type="button"
            class="link-button"
            onClick={() => dismiss(number)}
            aria-label="Dismiss this message"
          >
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}

/** Seven dots in a ring, one of them open: seven members, one missing. */
export function Logo() {
  const dots = Array.from({ length: 7 }, (_, index) => {
    const angle = (index / 7) * 2 * Math.PI - Math.PI / 2;
    return { x: 12 + 8.6 * Math.cos(angle), y: 12 + 8.6 * Math.sin(angle) };
  });
  return (
    <svg class="logo" viewBox="0 0 24 24" width="26" height="26" aria-hidden="true">
      {dots.map(({ x, y }, index) => (
        <circle
          key={index}
          cx={x.toFixed(2)}
          cy={y.toFixed(2)}
          r={index === 1 ? 2 : 2.5}
          class={index === 1 ? 'logo-open' : 'logo-dot'}
        />
      ))}
    </svg>
  );
}
