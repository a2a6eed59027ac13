import { usePolled } from '../../api/polled.ts';
import { listLinks } from '../../api/requests.ts';
import type { Link } from '../../api/types.ts';
import { href, route } from '../../app/router.ts';
import { Needs } from '../../parts/needs.tsx';
import { PageHead, Section } from '../../parts/page-head.tsx';
import { Empty, Missing, WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { absent, count, duration } from '../../text/format.ts';
import { AddLink } from './add-link.tsx';
import { LinkActions } from './link-actions.tsx';
import { LinkDetail } from './link-detail.tsx';
import { kindName, total } from './link-text.ts';

const everyMs = 3_000;

const stateMarks: Readonly<Record<Link['state'], string>> = {
  connected: 'mark mark-good',
  connecting: 'mark mark-busy',
  waiting: 'mark mark-bad',
  paused: 'mark mark-off',
  invalid: 'mark mark-bad',
};

/** `#/links`: all links. `#/links/NAME` also shows one of them. */
export function LinksPage() {
  const polled = usePolled(listLinks, everyMs, 'links');
  const chosen = route.value.path[1];
  return (
    <>
      <PageHead
        title="Links"
        lead="Links pass messages on to other brokers and clusters. One member runs each link, and another one takes it over."
      />
      <WithData polled={polled} what="the links">
        {({ links, unreachable, tooOld }) => {
          const link = links.find(({ name }) => name === chosen);
          return (
            <>
              <Missing
                unreachable={unreachable}
                tooOld={tooOld}
                consequence="A link that one of them runs is shown as waiting."
              />
              {links.length === 0 ? (
                <Empty title="The cluster has no link.">
                  A link connects this cluster to another MQTT broker, to a second cluster or to a stream of
                  NATS JetStream.
                </Empty>
              ) : (
                <>
                  <Faults links={links} />
                  <LinkTable links={links} refresh={polled.refresh} />
                </>
              )}
              {chosen !== undefined &&
                (link === undefined ? (
                  <Empty title={`The cluster has no link ${chosen}.`} />
                ) : (
                  <LinkDetail link={link} />
                ))}
            </>
          );
        }}
      </WithData>
      <Section title="Add a link">
        <Needs role="admin" to="add links">
          <AddLink refresh={polled.refresh} />
        </Needs>
      </Section>
    </>
  );
}

/** What is wrong with each link, in one sentence. */
function Faults({ links }: { links: readonly Link[] }) {
  return (
    <>
      {links
        .filter(({ error }) => error !== null)
        .map(({ name, error }) => (
          <p key={name} class="strip strip-warning" role="status">
            <strong>{name}</strong>: {error}
          </p>
        ))}
    </>
  );
}

function LinkTable({ links, refresh }: { links: readonly Link[]; refresh: () => void }) {
  return (
    <Table
      caption="Links"
      rows={links}
      rowKey={({ name }) => name}
      columns={[
        {
          key: 'name',
          head: 'Link',
          cell: ({ name }) => (
            <a class="mono" href={href(['links', name])}>
              {name}
            </a>
          ),
        },
        {
          key: 'state',
          head: 'State',
          cell: ({ state }) => <span class={stateMarks[state]}>{state}</span>,
        },
        { key: 'kind', head: 'Kind', cell: ({ definition }) => kindName(definition) },
        { key: 'member', head: 'Runs on', cell: ({ member }) => member ?? absent },
        { key: 'waiting', head: 'Waiting', isNumber: true, cell: ({ lagMessages }) => count(lagMessages) },
        {
          key: 'oldest',
          head: 'Oldest waits',
          isNumber: true,
          cell: ({ lagSeconds }) => (lagSeconds > 0 ? duration(lagSeconds) : absent),
        },
        { key: 'sent', head: 'Sent', isNumber: true, cell: ({ sent }) => count(total(sent)) },
        { key: 'received', head: 'Received', isNumber: true, cell: ({ received }) => count(total(received)) },
        {
          key: 'dropped',
          head: 'Dropped',
          isNumber: true,
          cell: ({ dropped }) => count(total(Object.values(dropped))),
        },
        { key: 'acts', head: 'Change', cell: (link) => <LinkActions link={link} refresh={refresh} /> },
      ]}
    />
  );
}
