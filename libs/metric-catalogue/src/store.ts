import { counter, gauge, histogram, latencyBuckets } from './define.ts';

/** Metrics of the store and of its disk. */
export const storeMetrics = {
  syncSeconds: histogram('store_sync_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'Duration of each write of the journal with its sync. One sync covers all writes that waited for it.',
  }),
  snapshotWriteSeconds: histogram('store_snapshot_write_seconds', latencyBuckets, {
    unit: 'seconds',
    help: 'Time to write and sync a snapshot.',
    purpose: 'debugging',
  }),
  writesRefused: counter('store_writes_refused_total', {
    unit: 'events',
    help:
      'Writes that the store rejected because the disk was full or far too slow, and snapshots that it rejected because the disk had ' +
      'too little room or Node cannot read a file of this size. The member tries again.',
  }),
  bytes: gauge('store_bytes', {
    unit: 'bytes',
    help: 'Bytes of the store on the disk, by part.',
    values: { part: ['log', 'outbox', 'snapshots'] },
  }),
  diskFreeBytes: gauge('data_disk_free_bytes', {
    unit: 'bytes',
    help: 'Free bytes that this process may use in the file system of the data directory.',
  }),
  diskSizeBytes: gauge('data_disk_size_bytes', {
    unit: 'bytes',
    help: 'Size of the file system of the data directory.',
  }),
} as const;
