import { signal } from '@preact/signals';
import type { ClientSummary } from '../../api/types.ts';
import { href } from '../../app/router.ts';
import { ConnectionMark } from '../../parts/marks.tsx';
import type { Column } from '../../parts/table.tsx';
import { absent, ago, bytes, count, duration } from '../../text/format.ts';

interface ClientColumn extends Column<ClientSummary> {
  readonly isShownAtFirst: boolean;
}

const columns: readonly ClientColumn[] = [
  {
    key: 'id',
    head: 'Client',
    isShownAtFirst: true,
    cell: ({ id }) => (
      <a class="mono" href={href(['clients', id])}>
        {id === '' ? '(empty)' : id}
      </a>
    ),
  },
  {
    key: 'connected',
    head: 'State',
    isShownAtFirst: true,
    cell: ({ connected }) => <ConnectionMark isConnected={connected} />,
  },
  { key: 'member', head: 'Member', isShownAtFirst: true, cell: ({ member }) => member ?? absent },
  { key: 'user', head: 'User', isShownAtFirst: true, cell: ({ user }) => user ?? absent },
  {
    key: 'address',
    head: 'Address',
    isShownAtFirst: true,
    cell: ({ address }) => <span class="mono">{address ?? absent}</span>,
  },
  { key: 'protocol', head: 'MQTT', isShownAtFirst: true, cell: ({ protocol }) => protocol ?? absent },
  {
    key: 'since',
    head: 'Connected',
    isShownAtFirst: true,
    cell: ({ connectedSinceMs }) => ago(connectedSinceMs, Date.now()),
  },
  { key: 'listener', head: 'Listener', isShownAtFirst: false, cell: ({ listener }) => listener ?? absent },
  {
    key: 'clean',
    head: 'Session',
    isShownAtFirst: false,
    cell: ({ clean }) => (clean ? 'clean' : 'persistent'),
  },
  {
    key: 'expiry',
    head: 'Expiry',
    isShownAtFirst: false,
    cell: ({ expirySeconds }) =>
      expirySeconds === null ? absent : expirySeconds >= 0xffffffff ? 'never' : duration(expirySeconds),
  },
  {
    key: 'subscriptions',
    head: 'Subs',
    isNumber: true,
    isShownAtFirst: true,
    cell: ({ subscriptions }) => count(subscriptions),
  },
  {
    key: 'queued',
    head: 'Queued',
    isNumber: true,
    isShownAtFirst: true,
    cell: ({ queuedMessages }) => count(queuedMessages),
  },
  {
    key: 'queuedBytes',
    head: 'Queue size',
    isNumber: true,
    isShownAtFirst: false,
    cell: ({ queuedBytes }) => bytes(queuedBytes),
  },
  {
    key: 'inFlight',
    head: 'In flight',
    isNumber: true,
    isShownAtFirst: true,
    cell: ({ inFlight }) => count(inFlight),
  },
  {
    key: 'dropped',
    head: 'Dropped',
    isNumber: true,
    isShownAtFirst: true,
    cell: ({ dropped }) => count(dropped),
  },
];

const storageKey = 'mqtt-cluster.client-columns';

/** Keys of the hidden columns. The browser remembers them. */
const hidden = signal<readonly string[]>(readHidden());

function readHidden(): readonly string[] {
  const atFirst = columns.filter(({ isShownAtFirst }) => !isShownAtFirst).map(({ key }) => key);
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey) ?? 'null');
    return Array.isArray(stored) ? stored.map(String) : atFirst;
  } catch {
    return atFirst;
  }
}

function toggle(key: string): void {
  hidden.value = hidden.value.includes(key)
    ? hidden.value.filter((other) => other !== key)
    : [...hidden.value, key];
  try {
    localStorage.setItem(storageKey, JSON.stringify(hidden.value));
  } catch {
    // A browser without storage forgets the choice.
  }
}

export function shownColumns(): readonly Column<ClientSummary>[] {
  return columns.filter(({ key }) => key === 'id' || !hidden.value.includes(key));
}

export function ColumnChooser() {
  return (
    <details class="menu">
      <summary class="button">Columns</summary>
      <fieldset class="menu-body">
        <legend class="visually-hidden">Shown columns</legend>
        {columns.slice(1).map(({ key, head }) => (
          <label key={key} class="check">
            <input type="checkbox" checked={!hidden.value.includes(key)} onChange={() => toggle(key)} />
            <span>{head}</span>
          </label>
        ))}
      </fieldset>
    </details>
  );
}
