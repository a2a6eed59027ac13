import { pbkdf2Sync, scryptSync } from 'node:crypto';
import { silentLogger } from '@mqtt-cluster/contracts';
import { turnsUntil } from '@mqtt-cluster/testing';
import { parsePasswordHash } from '../src/index.ts';
import { HashPool } from '../src/hashing/hash-pool.ts';
import type { HashThread } from '../src/hashing/hash-pool.ts';
import type { HashAnswer, HashJob } from '../src/hashing/hash-worker.ts';
import { cheapScrypt, recordingLogger } from './support/setup.ts';

const hash = parsePasswordHash(cheapScrypt);
const password = Buffer.from('secret');

/** A thread that runs a job only when the test says so. */
class ManualThread implements HashThread {
  readonly passwords: string[] = [];
  #running: { resolve: (answer: HashAnswer) => void; reject: (error: Error) => void } | null = null;
  stopped = false;

  run(job: HashJob): Promise<HashAnswer> {
    this.passwords.push(Buffer.from(job.password).toString());
    return new Promise((resolve, reject) => (this.#running = { resolve, reject }));
  }

  answer(answer: HashAnswer): void {
    this.#running!.resolve(answer);
  }

  fail(): void {
    this.#running!.reject(new Error('out of memory'));
  }

  async stop(): Promise<void> {
    this.stopped = true;
  }
}

function manualPool(options: Partial<ConstructorParameters<typeof HashPool>[0]> = {}) {
  const threads: ManualThread[] = [];
  const pool = new HashPool({
    logger: silentLogger,
    threads: 1,
    startThread: () => {
      threads.push(new ManualThread());
      return threads.at(-1)!;
    },
    ...options,
  });
  return { pool, threads };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('with worker threads', () => {
  const pool = new HashPool({ logger: silentLogger, threads: 1 });
  afterAll(() => pool.stop());

  test('a new hash has the form of the PHC string format and accepts its password only', async () => {
    const text = await pool.create(password);
    expect(text).toMatch(/^\$scrypt\$ln=14,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    const created = parsePasswordHash(text);
    expect(created.hash).toEqual(scryptSync(password, created.salt, 32, { N: 2 ** 14, r: 8, p: 1 }));
    expect(await pool.verify('', password, [created])).toBe('matches');
    expect(await pool.verify('', Buffer.from('Secret'), [created])).toBe('differs');
    expect(await pool.create(password)).not.toBe(text);
  });

  test('a PBKDF2 hash is computed as Mosquitto computes it', async () => {
    const salt = Buffer.from('123456789012');
    const derived = pbkdf2Sync(password, salt, 101, 64, 'sha512');
    const text = `$7$101$${salt.toString('base64')}$${derived.toString('base64')}`;
    expect(await pool.verify('', password, [parsePasswordHash(text)])).toBe('matches');
  });

  test('a password that matches a decoy and not the first hash is still computed by the thread in order', async () => {
    const created = parsePasswordHash(await pool.create(password));
    expect(await pool.verify('', Buffer.from('other'), [hash, created])).toBe('differs');
  });

  test('the largest permitted scrypt hash fits into the memory of the thread', async () => {
    const large = parsePasswordHash(cheapScrypt.replace('ln=4', 'ln=16'));
    expect(await pool.verify('', password, [large])).toBe('differs');
  });
});

test('one address cannot fill the queue, and other addresses are served in turn', async () => {
  const { pool, threads } = manualPool({ jobsMax: 10, jobsPerAddressMax: 3 });
  const results: Promise<string>[] = [];
  for (let i = 0; i < 5; i++) results.push(pool.verify('192.0.2.1', Buffer.from(`a${i}`), [hash]));
  results.push(pool.verify('192.0.2.2', Buffer.from('b0'), [hash]));
  expect(pool.length).toBe(4);
  // The first job runs; three wait; the fifth is refused.
  expect(await results[4]).toBe('busy');
  for (let served = 1; served <= 5; served++) {
    await turnsUntil(() => threads[0]!.passwords.length === served);
    threads[0]!.answer({ matches: true });
  }
  expect(await Promise.all(results)).toEqual(['matches', 'matches', 'matches', 'matches', 'busy', 'matches']);
  expect(threads[0]!.passwords).toEqual(['a0', 'a1', 'b0', 'a2', 'a3']);
});

test('a newcomer waits for few jobs of a flood from many addresses, before and after their first failure', async () => {
  const { pool, threads } = manualPool();
  const served = () => threads[0]!.passwords;
  const answer = async (): Promise<void> => {
    const before = served().length;
    threads[0]!.answer({ matches: false });
    await turnsUntil(() => served().length > before);
  };
  const guess = (number: number, hasFailed: boolean) =>
    void pool.verify(`127.2.0.${number}`, Buffer.from('guess'), [hash], hasFailed);
  for (let number = 0; number < 200; number++) guess(number, false);
  void pool.verify('192.0.2.1', Buffer.from('newcomer'), [hash]);
  // Each address of the flood guesses again after its failure.
  for (let count = 0; count < 8 && !served().includes('newcomer'); count++) {
    await answer();
    guess(count, true);
  }
  expect(served()).toContain('newcomer');
  while (pool.length > 0) await answer();
  for (let number = 0; number < 100; number++) guess(number, true);
  void pool.verify('192.0.2.2', Buffer.from('late'), [hash]);
  for (let count = 0; count < 5 && !served().includes('late'); count++) await answer();
  expect(served()).toContain('late');
  expect(pool.length).toBeGreaterThan(50);
});

test('an address with failures gets each fourth turn, however many others wait', async () => {
  const { pool, threads } = manualPool();
  for (let number = 0; number < 60; number++)
    void pool.verify(`192.0.2.${number}`, Buffer.from('other'), [hash]);
  void pool.verify('127.0.0.1', Buffer.from('failed'), [hash], true);
  for (let count = 0; count < 5; count++) {
    const before = threads[0]!.passwords.length;
    threads[0]!.answer({ matches: true });
    await turnsUntil(() => threads[0]!.passwords.length > before);
  }
  expect(threads[0]!.passwords).toContain('failed');
});

test('addresses of one IPv6 network share their places in the queue', async () => {
  const { pool } = manualPool({ jobsMax: 10, jobsPerAddressMax: 1 });
  void pool.verify('2001:db8::1', password, [hash]);
  void pool.verify('2001:db8::2', password, [hash]);
  expect(await pool.verify('2001:db8:0:0:ffff::3', password, [hash])).toBe('busy');
  void pool.verify('2001:db8:0:1::1', password, [hash]);
  expect(pool.length).toBe(2);
});

test('a full queue refuses further jobs at once', async () => {
  const { pool } = manualPool({ jobsMax: 2 });
  for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) void pool.verify(address, password, [hash]);
  expect(await pool.verify('192.0.2.4', password, [hash])).toBe('busy');
});

test('a job that has waited too long is refused without a hash', async () => {
  let nowMs = 0;
  const { pool, threads } = manualPool({ now: () => nowMs });
  const first = pool.verify('192.0.2.1', password, [hash]);
  const late = pool.verify('192.0.2.1', password, [hash]);
  nowMs = 20_001;
  threads[0]!.answer({ matches: true });
  expect([await first, await late]).toEqual(['matches', 'busy']);
  expect(threads[0]!.passwords).toHaveLength(1);
});

test('a thread that ends fails its own job only, and a new thread serves the next', async () => {
  const lines: string[] = [];
  const { pool, threads } = manualPool({ logger: recordingLogger(lines) });
  const failed = pool.verify('192.0.2.1', password, [hash]);
  const next = pool.verify('192.0.2.1', password, [hash]);
  threads[0]!.fail();
  expect(await failed).toBe('unavailable');
  await turnsUntil(() => threads.length === 2);
  threads[1]!.answer({ matches: false });
  expect(await next).toBe('differs');
  expect(lines).toEqual([expect.stringContaining('out of memory')]);
});

test('stop answers all waiting jobs and ends the threads', async () => {
  const { pool, threads } = manualPool();
  void pool.verify('192.0.2.1', password, [hash]);
  const waiting = pool.verify('192.0.2.1', password, [hash]);
  await settled();
  await pool.stop();
  expect(await waiting).toBe('unavailable');
  expect(threads[0]!.stopped).toBe(true);
  expect(await pool.verify('192.0.2.1', password, [hash])).toBe('unavailable');
});
