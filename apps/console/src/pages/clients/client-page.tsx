import { usePolled } from '../../api/polled.ts';
import { getClient } from '../../api/requests.ts';
import type { ClientDetail } from '../../api/types.ts';
import { href } from '../../app/router.ts';
import { ConnectionMark, QoSMark } from '../../parts/marks.tsx';
import { EventList } from '../../parts/event-list.tsx';
import { Facts, PageHead, Section } from '../../parts/page-head.tsx';
import { Empty, Missing, WithData } from '../../parts/states.tsx';
import { Table } from '../../parts/table.tsx';
import { absent, ago, bytes, count, dateAndClock, duration, expiry, plural } from '../../text/format.ts';
import { ClientActions } from './client-actions.tsx';

const everyMs = 3_000;

export function ClientPage({ id }: { id: string }) {
  const polled = usePolled((signal) => getClient(id, signal), everyMs, id);
  const isGone = polled.error.value?.status === 404;
  return (
    <>
      <p class="breadcrumb">
        <a href={href(['clients'])}>Clients</a>
      </p>
      <PageHead title={id} isCode />
      {isGone ? (
        <Empty title="The cluster has no session of this client.">
          It may have ended with the connection, expired, or been deleted.
        </Empty>
      ) : (
        <WithData polled={polled} what="the client">
          {(client) => <Client client={client} refresh={polled.refresh} />}
        </WithData>
      )}
    </>
  );
}

function Client({ client, refresh }: { client: ClientDetail; refresh: () => void }) {
  const nowMs = Date.now();
  return (
    <>
      <Missing
        unreachable={client.unreachable ?? []}
        tooOld={client.tooOld ?? []}
        consequence="Details of the connection or events may be missing."
      />
      <ClientActions client={client} refresh={refresh} />
      <div class="columns">
        <Section title="Connection">
          <Facts
            items={[
              ['State', <ConnectionMark isConnected={client.connected} />],
              ['Member', client.member ?? absent],
              [
                'Connected',
                client.connectedSinceMs === null
                  ? absent
                  : `${dateAndClock(client.connectedSinceMs)}, ${ago(client.connectedSinceMs, nowMs)}`,
              ],
              ['Address', <span class="mono">{client.address ?? absent}</span>],
              ['Listener', client.listener ?? absent],
              ['User', client.user ?? absent],
              ['MQTT version', client.protocol ?? absent],
              [
                'Keep-alive',
                client.keepAliveSeconds === null
                  ? absent
                  : client.keepAliveSeconds === 0
                    ? 'off'
                    : duration(client.keepAliveSeconds),
              ],
              ['Receive maximum', count(client.receiveMaximum)],
              [
                'Last disconnect',
                client.lastDisconnect === null
                  ? 'not in the last hour'
                  : `${ago(client.lastDisconnect.atMs, nowMs)} at ${client.lastDisconnect.member}: ${client.lastDisconnect.reason}`,
              ],
            ]}
          />
        </Section>
        <Section title="Session">
          <Facts
            items={[
              ['Kind', client.clean ? 'clean: it ends with the connection' : 'persistent'],
              ['Expires', expiry(client.expirySeconds)],
              ['Owner', client.owner ?? absent],
              ['Queued', `${plural(client.queuedMessages, 'message')}, ${bytes(client.queuedBytes)}`],
              ['In flight', count(client.inFlight)],
              ['Dropped', count(client.dropped)],
              ['Will', <Will will={client.will} />],
            ]}
          />
        </Section>
      </div>
      <Section title="Subscriptions" note={plural(client.subscriptions, 'subscription')}>
        {client.subscriptionList.length === 0 ? (
          <Empty title="This session has no subscriptions." />
        ) : (
          <Table
            caption="Subscriptions"
            rows={client.subscriptionList}
            rowKey={({ filter }) => filter}
            columns={[
              {
                key: 'filter',
                head: 'Filter',
                isName: true,
                cell: ({ filter }) => <span class="mono">{filter}</span>,
              },
              { key: 'qos', head: 'QoS', cell: ({ qos }) => <QoSMark qos={qos} /> },
              { key: 'noLocal', head: 'No local', cell: ({ noLocal }) => (noLocal ? 'yes' : 'no') },
              {
                key: 'rap',
                head: 'Retain as published',
                cell: ({ retainAsPublished }) => (retainAsPublished ? 'yes' : 'no'),
              },
              {
                key: 'identifier',
                head: 'Identifier',
                isNumber: true,
                cell: ({ identifier }) => count(identifier),
              },
            ]}
          />
        )}
      </Section>
      <Section title="Events" note="of the last hour">
        <EventList events={client.events} isForClient />
      </Section>
    </>
  );
}

function Will({ will }: { will: ClientDetail['will'] }) {
  if (will === null) return <>none</>;
  const delay = will.delaySeconds === 0 ? 'at once' : `after ${duration(will.delaySeconds)}`;
  return (
    <>
      <span class="mono">{will.topic}</span> · <QoSMark qos={will.qos} />
      {will.retain && ' · retained'} · {bytes(will.payloadBytes)} · {delay}
    </>
  );
}
