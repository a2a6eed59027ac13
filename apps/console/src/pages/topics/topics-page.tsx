import { useEffect, useRef, useState } from 'preact/hooks';
import { openMqtt, ownClientId } from '../../mqtt/connection.ts';
import type { ConnectionState, MqttConnection } from '../../mqtt/connection.ts';
import { TextField } from '../../parts/field.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Empty, Failed } from '../../parts/states.tsx';
import { plural, rate } from '../../text/format.ts';
import { filterError } from '../../text/topic-filter.ts';
import { TopicList } from './topic-list.tsx';
import { rateOf, TopicTree } from './topic-tree.ts';
import { ValuePanel } from './value-panel.tsx';

const refreshMs = 700;
const searchMax = 200;

/** What a subscription has received since it was made. */
interface Flow {
  readonly tree: TopicTree;
  readonly state: ConnectionState;
  readonly error: string;
}

/** Subscribes at QoS 0 to a filter while the page is open. The tree begins anew with each filter. */
function useFlow(filter: string): Flow {
  const tree = useRef(new TopicTree());
  const [, setVersion] = useState(0);
  const connection = useRef<MqttConnection | null>(null);
  const [loadError, setLoadError] = useState('');
  useEffect(() => {
    let isEnded = false;
    tree.current = new TopicTree();
    const opened = openMqtt({ protocolVersion: 5, clientId: ownClientId('topics'), clean: true });
    opened.then(
      (open) => {
        if (isEnded) return open.end();
        connection.current = open;
        open.client.on('message', (topic, payload, { qos, retain }) =>
          tree.current.add({ topic, payload, qos, retain }, Date.now()),
        );
        open.client.subscribe(filter, { qos: 0 });
      },
      () => setLoadError('mqtt.js could not be loaded.'),
    );
    const timer = window.setInterval(() => {
      if (document.visibilityState === 'visible') setVersion((version) => version + 1);
    }, refreshMs);
    return () => {
      isEnded = true;
      window.clearInterval(timer);
      connection.current?.end();
      connection.current = null;
    };
  }, [filter]);
  return {
    tree: tree.current,
    state: connection.current?.state.value ?? 'connecting',
    error: loadError || (connection.current?.error.value ?? ''),
  };
}

export function TopicsPage() {
  const [typed, setTyped] = useState('#');
  const [filter, setFilter] = useState('#');
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<string | null>(null);
  const { tree, state, error } = useFlow(filter);
  const nowMs = Date.now();
  const problem = filterError(typed);
  const node = chosen === null ? null : tree.find(chosen);
  return (
    <>
      <PageHead
        title="Topics"
        lead={
          <>
            What flows now, received by this page at QoS 0: {plural(tree.root.topics, 'topic')},{' '}
            {rate(rateOf(tree.root, nowMs))} messages a second.
          </>
        }
      />
      <form
        class="filters filters-wide"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (problem === null) setFilter(typed);
        }}
      >
        <TextField
          label="Subscription"
          isMono
          value={typed}
          onChange={setTyped}
          error={problem}
          hint={
            typed === filter ? `Subscribed to ${filter}` : 'Press Enter to subscribe. The tree begins anew.'
          }
        />
        <TextField
          label="Topic contains"
          type="search"
          isMono
          value={search}
          onChange={setSearch}
          hint="# does not match topics that begin with $"
        />
      </form>
      {state !== 'connected' && error !== '' && <Failed message={`No connection over MQTT: ${error}`} />}
      {tree.ignored + tree.skipped > 0 && (
        <p class="strip" role="status">
          This is a sample.{' '}
          {tree.ignored > 0 && `${plural(tree.ignored, 'message')} of further topics are not shown. `}
          {tree.skipped > 0 &&
            `${plural(tree.skipped, 'message')} came faster than this page takes them in.`}{' '}
          A narrower subscription shows all.
        </p>
      )}
      {tree.root.topics === 0 ? (
        <Empty
          title={
            state === 'connected' ? 'No message has arrived yet.' : 'Connecting to this member over MQTT…'
          }
        >
          The page shows topics when messages arrive. Retained messages arrive at once.
        </Empty>
      ) : (
        <div class="split">
          <TopicList
            key={filter}
            tree={tree}
            found={search === '' ? null : tree.search(search, searchMax)}
            chosen={chosen}
            choose={setChosen}
            nowMs={nowMs}
          />
          <ValuePanel node={node} nowMs={nowMs} />
        </div>
      )}
    </>
  );
}
