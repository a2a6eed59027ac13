import type { LabState } from '../../lab/shapes.ts';
import { milliseconds } from '../../text/format.ts';
import { bars, longestGapMs, marks } from './gap-chart.ts';

/** One line for each client over the last two minutes: a gap is a block, a fault a vertical line. */
export function GapChart({ state }: { state: LabState }) {
  const { clients, history, atMs } = state;
  if (clients.length === 0) return <p class="quiet">The clients connect…</p>;
  const faults = marks(history, atMs);
  return (
    <div class="gaps" role="list" aria-label="Gaps of the clients">
      <div class="gap-row gap-labels" aria-hidden="true">
        <span />
        <span class="gap-line gap-line-labels">
          {faults.map(({ left, text }, index) => (
            <span key={`${left} ${index}`} class="gap-label" style={{ left: `${Math.min(left, 88)}%` }}>
              {text}
            </span>
          ))}
        </span>
        <span />
      </div>
      {clients.map((client) => {
        const longest = longestGapMs(client, atMs);
        return (
          <div class="gap-row" role="listitem" key={client.id}>
            <span class="gap-name">
              {client.role} <span class="quiet">QoS {client.qos}</span>
              <span class="quiet"> {client.member ?? 'no member'}</span>
            </span>
            <span class="gap-line" aria-hidden="true">
              {faults.map(({ left }, index) => (
                <span key={`f${index}`} class="gap-fault" style={{ left: `${left}%` }} />
              ))}
              {bars(client, atMs).map(({ left, width, lengthMs, isOpen }) => (
                <span
                  key={`${lengthMs} ${left}`}
                  class={isOpen ? 'gap-bar gap-bar-open' : 'gap-bar'}
                  style={{ left: `${left}%`, width: `${width}%` }}
                />
              ))}
            </span>
            <span class="gap-longest">{longest === null ? 'no gap' : milliseconds(longest)}</span>
          </div>
        );
      })}
    </div>
  );
}
