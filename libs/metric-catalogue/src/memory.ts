import { gauge } from './define.ts';

/** The memory of a member against what it may use. */
export const memoryMetrics = {
  used: gauge('memory_used_bytes', {
    unit: 'bytes',
    help: 'Memory of this process. rss: resident memory. heap: used part of the heap of V8.',
    values: { kind: ['rss', 'heap'] },
  }),
  limit: gauge('memory_limit_bytes', {
    unit: 'bytes',
    help: 'Bound of memory_used_bytes. From 80 % on the member rejects new clients, from 90 % on it drops QoS 0.',
    values: { kind: ['rss', 'heap'] },
  }),
  pressure: gauge('memory_pressure', {
    unit: 'none',
    help:
      '1 while the member rejects new clients (refuse_clients), or also drops QoS 0 publishes (drop_qos0), because ' +
      'it uses too much memory. refuse_publishes: it rejects QoS 1 and 2 publishes and new filters of persistent ' +
      'sessions, because a snapshot of the replicated state would not fit.',
    values: { effect: ['refuse_clients', 'drop_qos0', 'refuse_publishes'] },
  }),
} as const;
