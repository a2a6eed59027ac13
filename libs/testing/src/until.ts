const pollMs = 10;

/** Waits until `holds` returns true. Only the timeout of the test limits the wait. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, pollMs));
}
