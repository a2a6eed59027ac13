import { addresses, password, users } from '../attacker/credentials.ts';
import { RawClient } from '../attacker/raw-client.ts';

const intervalMs = 1_000;
/** A check that takes longer has failed. */
const answerMsMax = 5_000;

export interface CheckCounts {
  readonly tried: number;
  readonly passed: number;
}

/** Runs a check each second, and counts the checks that pass in time. */
export class RegularChecks {
  readonly #check: (number: number) => Promise<boolean>;
  #timer: NodeJS.Timeout | null = null;
  #number = 0;
  #passed = 0;
  #running: Promise<void>[] = [];

  /** @param check receives the number of the check; an error counts as a failure */
  constructor(check: (number: number) => Promise<boolean>) {
    this.#check = check;
  }

  start(): void {
    this.#timer = setInterval(() => this.#running.push(this.#run(this.#number++)), intervalMs);
  }

  async #run(number: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), answerMsMax);
    });
    const passed = await Promise.race([this.#check(number).catch(() => false), tooLong]);
    clearTimeout(timer);
    if (passed) this.#passed++;
  }

  /** Waits for the running checks. */
  async stop(): Promise<CheckCounts> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all(this.#running);
    return { tried: this.#number, passed: this.#passed };
  }
}

/** A fresh client from an address of its own must get in. */
export async function newcomerGetsIn(host: string, port: number, number: number): Promise<boolean> {
  const client = new RawClient({ host, port, from: addresses.newcomer(number) });
  try {
    const outcome = await client.login({
      clientId: `newcomer-${number}`,
      username: users.newcomer,
      password: Buffer.from(password),
    });
    return outcome === 'accepted';
  } finally {
    client.destroy();
  }
}

/** The readiness page and the metrics must answer. */
export async function pagesAnswer(host: string, port: number): Promise<boolean> {
  for (const page of ['readyz', 'metrics']) {
    const response = await fetch(`http://${host}:${port}/${page}`, {
      signal: AbortSignal.timeout(answerMsMax),
      headers: { connection: 'close' },
    });
    await response.arrayBuffer();
    if (response.status !== 200) return false;
  }
  return true;
}
