/** Bytes of the cluster time (float64, ms) in front of every batch in the log. */
const stampBytes = 8;

/** What the leader puts into the log: the batch as its home encoded it, and the cluster time. */
export function stamp(timeMs: number, batch: Uint8Array): Uint8Array {
  const stamped = new Uint8Array(stampBytes + batch.length);
  new DataView(stamped.buffer).setFloat64(0, timeMs);
  stamped.set(batch, stampBytes);
  return stamped;
}

/** Inverse of {@link stamp}; an entry too short to hold a stamp is a batch of nothing at time 0. */
export function unstamp(data: Uint8Array): { timeMs: number; batch: Uint8Array } {
  if (data.length < stampBytes) return { timeMs: 0, batch: data.subarray(data.length) };
  const timeMs = new DataView(data.buffer, data.byteOffset, stampBytes).getFloat64(0);
  return { timeMs: Number.isFinite(timeMs) ? timeMs : 0, batch: data.subarray(stampBytes) };
}
