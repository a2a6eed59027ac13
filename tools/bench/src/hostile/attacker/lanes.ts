/**
 * Runs `step` with the numbers from 0 on, several at a time.
 *
 * @param count number of steps; Infinity for an attack without an end
 * @param width steps at a time
 * @param signal starts no further step after its abort
 */
export async function inLanes(
  count: number,
  width: number,
  signal: AbortSignal,
  step: (number: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count && !signal.aborted) await step(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, width) }, lane));
}
