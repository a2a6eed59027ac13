import { useState } from 'preact/hooks';
import { usePolled } from '../../api/polled.ts';
import { endConnections, listClients } from '../../api/requests.ts';
import { announce } from '../../app/announce.ts';
import { members } from '../../app/overview.ts';
import { replaceQuery, route } from '../../app/router.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Choice, TextField } from '../../parts/field.tsx';
import { Needs } from '../../parts/needs.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Pager, useCursors } from '../../parts/pager.tsx';
import { Empty, Missing, WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { names, plural } from '../../text/format.ts';
import { ColumnChooser, shownColumns } from './client-columns.tsx';
import { clientQuery, defaultPageSize, isSearch, pageSizes } from './client-query.ts';
import { reconnectNote } from './client-actions.tsx';

const everyMs = 4_000;
const namesMax = 5;

export function ClientList() {
  const cursors = useCursors();
  const { query } = route.value;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const asked = clientQuery(query, cursors.after);
  const polled = usePolled((signal) => listClients(asked, signal), everyMs, JSON.stringify(asked));
  const search = (key: string, value: string): void => {
    cursors.first();
    setChosen(new Set());
    replaceQuery({ ...query, [key]: value });
  };
  return (
    <>
      <PageHead
        title="Clients"
        lead="All sessions of the cluster, connected or not, ordered by client identifier."
      >
        <ColumnChooser />
      </PageHead>
      <Search query={query} search={search} />
      <WithData polled={polled} what="the clients">
        {({ items, next, unreachable, tooOld }) => (
          <>
            <Missing
              unreachable={unreachable}
              tooOld={tooOld}
              consequence="Addresses and other details of their connections are missing."
            />
            {items.length === 0 ? (
              <Empty
                title={isSearch(query) ? 'No client matches this search.' : 'The cluster has no sessions.'}
              >
                {isSearch(query)
                  ? 'Identifiers match by a part and by upper and lower case.'
                  : 'A client that connects appears here.'}
              </Empty>
            ) : (
              <Table
                caption="Clients"
                columns={shownColumns()}
                rows={items}
                rowKey={({ id }) => id}
                selection={{ chosen, change: setChosen, what: 'client' }}
              />
            )}
            <div class="below-table">
              <Needs role="operator" to="disconnect clients">
                <button
                  type="button"
                  class="button button-danger"
                  disabled={chosen.size === 0}
                  onClick={() => askToDisconnect([...chosen], () => (setChosen(new Set()), polled.refresh()))}
                >
                  Disconnect {chosen.size === 0 ? 'chosen clients' : plural(chosen.size, 'client')}
                </button>
              </Needs>
              <Pager
                label="Pages of clients"
                next={next}
                cursors={{
                  ...cursors,
                  next: (cursor) => (setChosen(new Set()), cursors.next(cursor)),
                  previous: () => (setChosen(new Set()), cursors.previous()),
                }}
              />
            </div>
          </>
        )}
      </WithData>
    </>
  );
}

function askToDisconnect(ids: readonly string[], done: () => void): void {
  const shown =
    ids.length > namesMax
      ? `${ids.slice(0, namesMax).join(', ')} and ${ids.length - namesMax} more`
      : names(ids);
  confirm({
    title: `Disconnect ${plural(ids.length, 'client')}?`,
    body: (
      <>
        <p class="mono">{shown}</p>
        <p>{reconnectNote}</p>
      </>
    ),
    action: 'Disconnect',
    isDangerous: true,
    run: async () => {
      const { ended, notConnected } = await endConnections(ids);
      const rest =
        notConnected.length === 0 ? '' : ` ${plural(notConnected.length, 'client')} had no connection.`;
      announce(`${plural(ended, 'connection')} closed.${rest}`);
      done();
    },
  });
}

function Search({
  query,
  search,
}: {
  query: Readonly<Record<string, string>>;
  search: (key: string, value: string) => void;
}) {
  const text = (key: string): string => query[key] ?? '';
  return (
    <form class="filters" role="search" aria-label="Clients" onSubmit={(event) => event.preventDefault()}>
      <TextField
        label="Identifier contains"
        type="search"
        isMono
        value={text('id')}
        onChange={(value) => search('id', value)}
      />
      <TextField
        label="User"
        type="search"
        value={text('user')}
        onChange={(value) => search('user', value)}
      />
      <TextField
        label="Address"
        type="search"
        isMono
        value={text('address')}
        onChange={(value) => search('address', value)}
      />
      <Choice
        label="Member"
        value={text('member')}
        onChange={(value) => search('member', value)}
        options={[['', 'all'], ...members.value.map(({ id }) => [id, id] as const)]}
      />
      <Choice
        label="State"
        value={text('connected')}
        onChange={(value) => search('connected', value)}
        options={[
          ['', 'all'],
          ['yes', 'connected'],
          ['no', 'offline'],
        ]}
      />
      <Choice
        label="Rows"
        value={text('limit') || String(defaultPageSize)}
        onChange={(value) => search('limit', value)}
        options={pageSizes.map((size) => [String(size), String(size)] as const)}
      />
    </form>
  );
}
