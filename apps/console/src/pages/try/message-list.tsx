import { Empty } from '../../parts/states.tsx';
import { preciseClock } from '../../text/format.ts';
import { bestForm, render } from '../../text/payload.ts';
import type { LoggedMessage } from './message-log.ts';

const shownBytesMax = 1_024;

export function MessageList({ messages }: { messages: readonly LoggedMessage[] }) {
  if (messages.length === 0)
    return (
      <Empty title="No messages yet.">
        Connect, subscribe to test/# and publish on test/hello to see one arrive.
      </Empty>
    );
  return (
    <ol class="messages-log" aria-label="Messages">
      {messages.map((message) => (
        <li key={message.number} class={`logged logged-${message.direction}`}>
          <p class="logged-head">
            <time class="quiet">{preciseClock(message.atMs)}</time> <b>{message.direction}</b>{' '}
            <span class="mono">{message.topic}</span> <span class="quiet">QoS {message.qos}</span>
            {message.isRetained && <span class="tag">retained</span>}
            {message.isDuplicate && <span class="tag">DUP</span>}
            {message.outcome !== '' && <span class="quiet">{message.outcome}</span>}
          </p>
          <pre>
            {render(
              message.payload.subarray(0, shownBytesMax),
              bestForm(message.payload.subarray(0, shownBytesMax)),
            ) || '(empty)'}
          </pre>
          {message.properties !== '' && <p class="quiet small mono">{message.properties}</p>}
        </li>
      ))}
    </ol>
  );
}
