import { useState } from 'preact/hooks';
import { describe } from '../../api/problem.ts';
import { listSubscriptions } from '../../api/requests.ts';
import type { Subscription } from '../../api/types.ts';
import { href } from '../../app/router.ts';
import { PayloadView } from '../../parts/payload-view.tsx';
import { Facts } from '../../parts/page-head.tsx';
import { bytes, count, preciseClock, rate } from '../../text/format.ts';
import { rateOf } from './topic-tree.ts';
import type { TopicNode } from './topic-tree.ts';

/** The last message of the chosen topic. */
export function ValuePanel({ node, nowMs }: { node: TopicNode | null; nowMs: number }) {
  if (node === null || node.value === null)
    return (
      <aside class="panel" aria-label="Value">
        <p class="quiet">Choose a topic to see its last message.</p>
      </aside>
    );
  const { value, path, messages } = node;
  return (
    <aside class="panel" aria-label="Value">
      <h2 class="mono">{path}</h2>
      <Facts
        items={[
          ['Received', `${preciseClock(value.atMs)}, ${count(messages)} since the page was opened`],
          ['Rate', `${rate(rateOf(node, nowMs))} messages a second`],
          ['Size', bytes(value.payloadBytes)],
          ['Retained', value.isRetained ? 'yes, it arrived as a retained message' : 'no'],
        ]}
      />
      <PayloadView data={value.payload} />
      <Receivers key={path} topic={path} />
      <p>
        <a href={href(['retained'], { filter: path, topic: path })}>Retained message</a> ·{' '}
        <a href={href(['trace'], { topic: path })}>Trace this topic</a>
      </p>
    </aside>
  );
}

/** Answers which sessions would receive a message on this topic. */
function Receivers({ topic }: { topic: string }) {
  const [items, setItems] = useState<readonly Subscription[] | null>(null);
  const [error, setError] = useState('');
  const ask = (): void => {
    listSubscriptions({ topic }).then(
      (page) => {
        setItems(page.items);
        setError('');
      },
      (reason: unknown) => setError(describe(reason)),
    );
  };
  return (
    <div class="receivers">
      <button type="button" class="button button-small" onClick={ask}>
        Sessions that receive it
      </button>
      {error !== '' && <p class="field-error">{error}</p>}
      {items !== null && (
        <ul aria-label="Sessions that receive this topic">
          {items.length === 0 && <li>No session has a matching subscription.</li>}
          {items.map(({ client, filter, qos, connected }) => (
            <li key={`${client} ${filter}`}>
              <a class="mono" href={href(['clients', client])}>
                {client}
              </a>{' '}
              <span class="quiet">
                by <span class="mono">{filter}</span>, QoS {qos}
                {connected ? '' : ', offline: queued'}
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
