const pollMs = 10;

/** Waits until `holds` returns true. The test's own timeout is the bound. */
export async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, pollMs));
}
