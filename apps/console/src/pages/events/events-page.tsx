import { usePolled } from '../../api/polled.ts';
import { listEvents } from '../../api/requests.ts';
import { replaceQuery, route } from '../../app/router.ts';
import { EventList, eventKinds, kindName } from '../../parts/event-list.tsx';
import { Choice, TextField } from '../../parts/field.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Empty, Missing, WithData } from '../../parts/states.tsx';

const everyMs = 3_000;
const eventsMax = 500;

export function EventsPage() {
  const { query } = route.value;
  const client = query['client'] ?? '';
  const kind = query['kind'] ?? '';
  const asked = { limit: eventsMax, ...(client === '' ? {} : { client }) };
  const polled = usePolled((signal) => listEvents(asked, signal), everyMs, JSON.stringify(asked));
  return (
    <>
      <PageHead
        title="Events"
        lead="What happened to clients and members in the last hour. Each member keeps a bounded number in memory."
      />
      <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
        <TextField
          label="Client identifier"
          type="search"
          isMono
          value={client}
          onChange={(value) => replaceQuery({ ...query, client: value })}
        />
        <Choice
          label="Event"
          value={kind}
          onChange={(value) => replaceQuery({ ...query, kind: value })}
          options={[['', 'all'], ...eventKinds.map((item) => [item, kindName(item)] as const)]}
        />
      </form>
      <WithData polled={polled} what="the events">
        {({ events, unreachable, tooOld }) => {
          const shown = events.filter((event) => kind === '' || event.kind === kind);
          return (
            <>
              <Missing
                unreachable={unreachable}
                tooOld={tooOld}
                consequence="Events of these members are missing."
              />
              {shown.length === 0 ? (
                <Empty title="No events match.">A client that connects or leaves appears here.</Empty>
              ) : (
                <EventList events={shown} />
              )}
            </>
          );
        }}
      </WithData>
    </>
  );
}
