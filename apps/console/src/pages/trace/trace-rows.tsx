import type { TraceItem } from '../../api/types.ts';
import { Section } from '../../parts/page-head.tsx';
import { Table } from '../../parts/table.tsx';
import { bytes, count, plural, preciseClock } from '../../text/format.ts';
import { fromBase64, preview } from '../../text/payload.ts';
import type { Trace } from './trace-state.ts';

export function TraceRows({ trace, isRunning }: { trace: Trace; isRunning: boolean }) {
  const rest = trace.total - trace.items.length;
  return (
    <Section
      title={plural(trace.total, 'packet')}
      note={
        <>
          newest first{rest > 0 && `, the last ${count(trace.items.length)}`}
          {isRunning && ' · the trace runs'}
        </>
      }
      actions={
        <button type="button" class="button button-small" onClick={() => save(trace.items)}>
          Save as JSON
        </button>
      }
    >
      <Table
        caption="Packets, newest first"
        rows={trace.items}
        rowKey={({ number }) => String(number)}
        columns={[
          { key: 'time', head: 'Time', cell: ({ atMs }) => preciseClock(atMs) },
          { key: 'member', head: 'Member', cell: ({ member }) => member },
          { key: 'client', head: 'Client', cell: ({ client }) => <span class="mono">{client}</span> },
          {
            key: 'packet',
            head: 'Packet',
            cell: ({ direction, packet }) => (
              <span class={`direction direction-${direction}`}>
                <span aria-hidden="true">{direction === 'in' ? '→' : '←'}</span>
                <span class="visually-hidden">
                  {direction === 'in' ? 'from the client' : 'to the client'}
                </span>{' '}
                {packet.toUpperCase()}
              </span>
            ),
          },
          { key: 'id', head: 'Id', isNumber: true, cell: ({ packetId }) => packetId ?? '' },
          {
            key: 'topic',
            head: 'Topic',
            isName: true,
            cell: ({ topic }) => <span class="mono">{topic ?? ''}</span>,
          },
          { key: 'flags', head: 'Flags', cell: flags },
          { key: 'bytes', head: 'Size', isNumber: true, cell: (item) => bytes(item.bytes) },
          { key: 'decision', head: 'Decision', isText: true, cell: ({ decision }) => decision ?? '' },
          ...(trace.items.some(({ payload }) => payload !== undefined)
            ? [
                {
                  key: 'payload',
                  head: 'Payload',
                  isText: true,
                  cell: ({ payload }: TraceItem) =>
                    payload === undefined ? '' : <span class="mono">{preview(fromBase64(payload))}</span>,
                },
              ]
            : []),
        ]}
      />
    </Section>
  );
}

function flags({ qos, dup, retain }: TraceItem): string {
  return [qos === undefined ? '' : `QoS ${qos}`, dup ? 'DUP' : '', retain ? 'RETAIN' : '']
    .filter(Boolean)
    .join(' ');
}

function save(items: readonly TraceItem[]): void {
  const url = URL.createObjectURL(
    new Blob([JSON.stringify([...items].reverse(), null, 1)], { type: 'application/json' }),
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = 'trace.json';
  link.click();
  URL.revokeObjectURL(url);
}
