import { counter, gauge, histogram, latencyBuckets } from './define.ts';

/** The disk of a member. */
export const storeMetrics = {
  syncSeconds: histogram('store_sync_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'How long each fdatasync of the journal took; one sync covers all that waited for it.',
  }),
  snapshotWriteSeconds: histogram('store_snapshot_write_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'How long it took to write and sync a snapshot.',
    purpose: 'debugging',
  }),
  writesRefused: counter('store_writes_refused_total', {
    unit: 'events',
    help: 'Writes that the full (or far too slow) disk refused; each is tried again.',
  }),
  bytes: gauge('store_bytes', {
    unit: 'bytes',
    help: 'Bytes of the store on the disk.',
    values: { part: ['log', 'outbox', 'snapshots'] },
  }),
  diskFreeBytes: gauge('data_disk_free_bytes', {
    unit: 'bytes',
    help: 'Free bytes of the file system that holds the data directory, as far as this process may use them.',
  }),
  diskSizeBytes: gauge('data_disk_size_bytes', {
    unit: 'bytes',
    help: 'Size of the file system that holds the data directory.',
  }),
} as const;
