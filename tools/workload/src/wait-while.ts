const pollMs = 50;

/** Waits as long as `goesOn` returns true, and for at most `msMax`. */
export async function waitWhile(goesOn: () => boolean, msMax: number): Promise<void> {
  const deadline = performance.now() + msMax;
  while (goesOn() && performance.now() < deadline) {
    await new Promise((resolve) =>
      setTimeout(resolve, Math.min(pollMs, Math.max(deadline - performance.now(), 0))),
    );
  }
}
