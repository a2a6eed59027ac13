/** Size of the stamp in front of every batch in the log: cluster time as float64, ms. */
const stampBytes = 8;

/** Returns the data of a log entry: the cluster time, then the batch as its home encoded it. */
export function stamp(timeMs: number, batch: Uint8Array): Uint8Array {
  const stamped = new Uint8Array(stampBytes + batch.length);
  new DataView(stamped.buffer).setFloat64(0, timeMs);
  stamped.set(batch, stampBytes);
  return stamped;
}

/** Inverse of {@link stamp}. Data too short for a stamp decodes to an empty batch at time 0. */
export function unstamp(data: Uint8Array): { timeMs: number; batch: Uint8Array } {
  if (data.length < stampBytes) return { timeMs: 0, batch: data.subarray(data.length) };
  const timeMs = new DataView(data.buffer, data.byteOffset, stampBytes).getFloat64(0);
  return { timeMs: Number.isFinite(timeMs) ? timeMs : 0, batch: data.subarray(stampBytes) };
}
