import { useState } from 'preact/hooks';
import { usePolled } from '../../api/polled.ts';
import { deleteRetained, listRetained } from '../../api/requests.ts';
import type { RetainedSummary } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { href, navigate, replaceQuery, route } from '../../app/router.ts';
import { confirm } from '../../parts/confirm.tsx';
import { TextField } from '../../parts/field.tsx';
import { QoSMark } from '../../parts/marks.tsx';
import { Needs } from '../../parts/needs.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Pager, useCursors } from '../../parts/pager.tsx';
import { Empty, Missing, WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { absent, bytes, duration } from '../../text/format.ts';
import { fromBase64, preview } from '../../text/payload.ts';
import { filterError } from '../../text/topic-filter.ts';
import { DeleteMany } from './delete-many.tsx';
import { MessageView } from './message-view.tsx';

const everyMs = 5_000;
const pageSize = 50;
const everything = '#';

/** `#/retained?filter=plant/#&topic=plant/line1`: a list, and one of its messages. */
export function RetainedPage() {
  const { query } = route.value;
  const filter = query['filter'] || everything;
  const [typed, setTyped] = useState(filter);
  const cursors = useCursors();
  const error = filterError(typed);
  const asked = {
    filter,
    limit: pageSize,
    ...(cursors.after === undefined ? {} : { after: cursors.after }),
  };
  const polled = usePolled((signal) => listRetained(asked, signal), everyMs, JSON.stringify(asked));
  const type = (value: string): void => {
    setTyped(value);
    if (filterError(value) !== null) return;
    cursors.first();
    replaceQuery({ ...query, filter: value });
  };
  return (
    <>
      <PageHead
        title="Retained messages"
        lead="The last message of each topic that was published with RETAIN. A new subscription receives it first."
      />
      <form class="filters filters-wide" role="search" onSubmit={(event) => event.preventDefault()}>
        <TextField
          label="Topic filter"
          type="search"
          isMono
          value={typed}
          onChange={type}
          error={error}
          hint="# and + are wildcards: plant/# or plant/+/value"
        />
      </form>
      {query['topic'] !== undefined && (
        <MessageView
          key={query['topic']}
          topic={query['topic']}
          close={() => navigate(['retained'], { filter })}
        />
      )}
      <WithData polled={polled} what="the retained messages">
        {({ items, next, unreachable, tooOld }) => (
          <>
            <Missing unreachable={unreachable} tooOld={tooOld} consequence="The list may be incomplete." />
            {items.length === 0 ? (
              <Empty title={`No retained message matches ${filter}.`}>
                A publish with RETAIN and a payload creates one.
              </Empty>
            ) : (
              <List items={items} filter={filter} refresh={polled.refresh} />
            )}
            <div class="below-table">
              <Needs role="operator" to="delete retained messages">
                {items.length > 0 && <DeleteMany filter={filter} refresh={polled.refresh} />}
              </Needs>
              <Pager label="Pages of retained messages" next={next} cursors={cursors} />
            </div>
          </>
        )}
      </WithData>
    </>
  );
}

function List({
  items,
  filter,
  refresh,
}: {
  items: readonly RetainedSummary[];
  filter: string;
  refresh: () => void;
}) {
  return (
    <Table
      caption="Retained messages"
      rows={items}
      rowKey={({ topic }) => topic}
      columns={[
        {
          key: 'topic',
          head: 'Topic',
          isName: true,
          cell: ({ topic }) => (
            <a class="mono" href={href(['retained'], { filter, topic })}>
              {topic}
            </a>
          ),
        },
        {
          key: 'preview',
          head: 'Payload',
          isText: true,
          cell: ({ payloadPreview, payloadBytes }) => (
            <span class="mono">{preview(fromBase64(payloadPreview), payloadBytes, 60)}</span>
          ),
        },
        { key: 'size', head: 'Size', isNumber: true, cell: ({ payloadBytes }) => bytes(payloadBytes) },
        { key: 'qos', head: 'QoS', cell: ({ qos }) => <QoSMark qos={qos} /> },
        {
          key: 'expires',
          head: 'Expires in',
          cell: ({ expiresInSeconds }) => (expiresInSeconds === null ? absent : duration(expiresInSeconds)),
        },
        {
          key: 'delete',
          head: '',
          cell: ({ topic }) => <DeleteOne topic={topic} refresh={refresh} />,
        },
      ]}
    />
  );
}

function DeleteOne({ topic, refresh }: { topic: string; refresh: () => void }) {
  return (
    <Needs role="operator" to="delete" isQuiet>
      <button
        type="button"
        class="link-button"
        aria-label={`Delete the retained message of ${topic}`}
        onClick={() =>
          confirm({
            title: 'Delete this retained message?',
            body: (
              <>
                <p class="mono">{topic}</p>
                <p>New subscriptions no longer receive it. Clients that are connected are not informed.</p>
              </>
            ),
            action: 'Delete',
            isDangerous: true,
            run: async () => {
              const { deleted } = await deleteRetained(topic);
              announce(deleted ? `The retained message of ${topic} was deleted.` : `${topic} had none.`);
              refresh();
            },
          })
        }
      >
        Delete
      </button>
    </Needs>
  );
}
