import { counter, gauge, histogram } from './define.ts';

/** What every program says of itself, besides prom-client's `process_` and `nodejs_` metrics. */
export const processMetrics = {
  buildInfo: gauge('build_info', {
    unit: 'none',
    help: 'Always 1; the labels say what runs.',
    values: { version: { oneFor: 'this process' }, node: { oneFor: 'this process' } },
  }),
  startTime: gauge('start_time_seconds', {
    unit: 'seconds',
    help: 'When this process was started: seconds since 1970.',
  }),
  eventLoopDelaySeconds: histogram(
    'event_loop_delay_seconds',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    { unit: 'seconds', help: 'How late the event loop came to a timer, measured once a second.' },
  ),
  certificateExpiry: gauge('certificate_expiry_timestamp_seconds', {
    unit: 'seconds',
    help: 'When a configured certificate (the first to expire of its file) ends: seconds since 1970. None without TLS.',
    values: { certificate: { oneFor: 'each file with certificates in the configuration' } },
  }),
} as const;

/** Only where systemd starts the program. */
export const watchdogMetrics = {
  interval: gauge('watchdog_interval_seconds', {
    unit: 'seconds',
    help: 'How often systemd is told that this process lives; 0 when nobody asked for it.',
    purpose: 'debugging',
  }),
  feeds: counter('watchdog_feeds_total', {
    unit: 'events',
    help: 'How often it was told.',
    purpose: 'debugging',
  }),
} as const;
