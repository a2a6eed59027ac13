import { usePolled } from '../../api/polled.ts';
import { listSubscriptions } from '../../api/requests.ts';
import type { SubscriptionQuery } from '../../api/types.ts';
import { href, replaceQuery, route } from '../../app/router.ts';
import { TextField } from '../../parts/field.tsx';
import { ConnectionMark, QoSMark } from '../../parts/marks.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Pager, useCursors } from '../../parts/pager.tsx';
import { Empty, Missing, WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { absent } from '../../text/format.ts';
import { topicError } from '../../text/topic-filter.ts';

const everyMs = 5_000;
const pageSize = 50;

/** `#/subscriptions?filter=plant/#` or `?topic=plant/line1`; without both, all subscriptions. */
export function SubscriptionsPage() {
  const cursors = useCursors();
  const { query } = route.value;
  const { filter = '', topic = '' } = query;
  const error = topic === '' ? null : topicError(topic);
  const asked: SubscriptionQuery = {
    limit: pageSize,
    ...(filter !== '' && { filter }),
    ...(filter === '' && topic !== '' && error === null && { topic }),
    ...(cursors.after !== undefined && { after: cursors.after }),
  };
  const polled = usePolled((signal) => listSubscriptions(asked, signal), everyMs, JSON.stringify(asked));
  const search = (next: { readonly filter?: string; readonly topic?: string }): void => {
    cursors.first();
    // The API accepts one of the two: the field that was changed last counts.
    replaceQuery({ filter: '', topic: '', ...next });
  };
  return (
    <>
      <PageHead
        title="Subscriptions"
        lead="The subscriptions of all sessions, connected or not, ordered by client identifier."
      />
      <form
        class="filters"
        role="search"
        aria-label="Subscriptions"
        onSubmit={(event) => event.preventDefault()}
      >
        <TextField
          label="Exactly this filter"
          type="search"
          isMono
          value={filter}
          onChange={(value) => search({ filter: value })}
        />
        <TextField
          label="Would receive this topic"
          type="search"
          isMono
          value={topic}
          error={error}
          onChange={(value) => search({ topic: value })}
        />
      </form>
      <WithData polled={polled} what="the subscriptions">
        {({ items, next, unreachable, tooOld }) => (
          <>
            <Missing
              unreachable={unreachable}
              tooOld={tooOld}
              consequence="Subscriptions of their clean sessions are missing."
            />
            {items.length === 0 ? (
              <Empty
                title={
                  filter === '' && topic === ''
                    ? 'No session has a subscription.'
                    : 'No subscription matches this search.'
                }
              />
            ) : (
              <Table
                caption="Subscriptions"
                rows={items}
                rowKey={(item) => `${item.client} ${item.filter}`}
                columns={[
                  {
                    key: 'client',
                    head: 'Client',
                    isName: true,
                    cell: ({ client }) => (
                      <a class="mono" href={href(['clients', client])}>
                        {client}
                      </a>
                    ),
                  },
                  {
                    key: 'filter',
                    head: 'Filter',
                    isText: true,
                    cell: (item) => <span class="mono">{item.filter}</span>,
                  },
                  { key: 'qos', head: 'QoS', cell: ({ qos }) => <QoSMark qos={qos} /> },
                  { key: 'shared', head: 'Shared', cell: ({ shared }) => (shared ? 'yes' : absent) },
                  {
                    key: 'state',
                    head: 'State',
                    cell: ({ connected }) => <ConnectionMark isConnected={connected} />,
                  },
                  { key: 'member', head: 'Member', cell: ({ member }) => member ?? absent },
                ]}
              />
            )}
            <div class="below-table">
              <Pager label="Pages of subscriptions" next={next} cursors={cursors} />
            </div>
          </>
        )}
      </WithData>
    </>
  );
}
