import { counter } from './define.ts';

/** Metrics of administration over HTTP, the command line and the admin topics. */
export const administrationMetrics = {
  requests: counter('admin_requests_total', {
    unit: 'events',
    help:
      'Administrative acts by outcome. done, failed: carried out for an authorized client. refused: the client has wrong ' +
      'credentials or lacks the role. limited: refused without a check after too many wrong credentials.',
    values: { outcome: ['done', 'failed', 'refused', 'limited'] },
    purpose: 'debugging',
  }),
} as const;
