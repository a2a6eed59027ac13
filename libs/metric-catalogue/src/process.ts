import { counter, gauge, histogram } from './define.ts';

/** Metrics of every program, in addition to the `process_` and `nodejs_` metrics of prom-client. */
export const processMetrics = {
  buildInfo: gauge('build_info', {
    unit: 'none',
    help: 'Always 1. The labels show the version of the program and of Node.',
    values: { version: { oneFor: 'this process' }, node: { oneFor: 'this process' } },
  }),
  startTime: gauge('start_time_seconds', {
    unit: 'seconds',
    help: 'Start time of this process: seconds since 1970.',
  }),
  eventLoopDelaySeconds: histogram(
    'event_loop_delay_seconds',
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
    { unit: 'seconds', help: 'Delay of a timer in the event loop, measured once per second.' },
  ),
  certificateExpiry: gauge('certificate_expiry_timestamp_seconds', {
    unit: 'seconds',
    help:
      'Expiry time of a configured certificate (the first to expire in its file): seconds since 1970. ' +
      'Absent without TLS.',
    values: { certificate: { oneFor: 'each file with certificates in the configuration' } },
  }),
  fileRefused: gauge('file_refused', {
    unit: 'none',
    help:
      '1 while a file of the configuration has invalid content and its old content stays in force, else 0. ' +
      'Certificates, password files and rule files are read again when they change.',
    values: { setting: { oneFor: 'each setting with files that are read again' } },
  }),
} as const;

/** Metrics of the certificate revocation lists. Only members use lists. */
export const revocationListMetrics = {
  expiry: gauge('revocation_list_expiry_timestamp_seconds', {
    unit: 'seconds',
    help:
      'Next update of the first certificate revocation list that expires, seconds since 1970. After it, all certificates of ' +
      'its authority are refused. Absent without lists.',
    values: { list: { oneFor: 'each setting `crl`: `cluster`, `http`, `listener_NAME`' } },
  }),
} as const;

/** Metrics of the systemd watchdog. Only a program that systemd starts has them. */
export const watchdogMetrics = {
  interval: gauge('watchdog_interval_seconds', {
    unit: 'seconds',
    help:
      'Interval at which this process notifies the watchdog of systemd; 0 when no watchdog is ' +
      'configured.',
    purpose: 'debugging',
  }),
  feeds: counter('watchdog_feeds_total', {
    unit: 'events',
    help: 'Notifications sent to the watchdog of systemd.',
    purpose: 'debugging',
  }),
} as const;
