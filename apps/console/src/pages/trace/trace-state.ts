import type { StreamEvent } from '../../api/event-stream.ts';
import type { TraceItem } from '../../api/types.ts';

export type Subject = 'client' | 'topic' | 'address';

/** What a page has received of a trace. */
export interface Trace {
  /** Newest first, at most 1,000. */
  readonly items: readonly (TraceItem & { readonly number: number })[];
  readonly total: number;
  /** Packets that the members could not send. */
  readonly missed: number;
  readonly unreachable: readonly string[];
  readonly tooOld: readonly string[];
}

export type TraceEvent =
  | { readonly kind: 'packet'; readonly item: TraceItem }
  | {
      readonly kind: 'status';
      readonly missed: number;
      readonly unreachable: string[] | null;
      readonly tooOld: string[] | null;
    };

const itemsMax = 1_000;

export const emptyTrace: Trace = { items: [], total: 0, missed: 0, unreachable: [], tooOld: [] };

export function traceQuery(
  subject: Subject,
  text: string,
  minutes: number,
  hasPayload: boolean,
): Record<string, string> {
  return { [subject]: text, seconds: String(minutes * 60), payload: String(hasPayload) };
}

const strings = (value: unknown): string[] | null => (Array.isArray(value) ? value.map(String) : null);

/** Decodes an event of the stream: a packet, or what the stream lacks. */
export function parseTraceEvent({ data }: StreamEvent): TraceEvent {
  const value: unknown = JSON.parse(data);
  const fields: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  if (typeof fields['packet'] === 'string') return { kind: 'packet', item: value as TraceItem };
  const { lines } = fields;
  return {
    kind: 'status',
    missed: typeof lines === 'number' ? lines : 0,
    unreachable: strings(fields['unreachable']),
    tooOld: strings(fields['tooOld']),
  };
}

export function addItems(trace: Trace, events: readonly TraceEvent[]): Trace {
  let { total, missed, unreachable, tooOld } = trace;
  const added: (TraceItem & { number: number })[] = [];
  for (const event of events) {
    if (event.kind === 'packet') {
      total += 1;
      added.push({ ...event.item, number: total });
    } else {
      missed += event.missed;
      unreachable = event.unreachable ?? unreachable;
      tooOld = event.tooOld ?? tooOld;
    }
  }
  return {
    items: [...added.reverse(), ...trace.items].slice(0, itemsMax),
    total,
    missed,
    unreachable,
    tooOld,
  };
}
