import { describe, expect, test } from '@jest/globals';
import { attempt, run } from '../src/command.ts';
import { until } from '../src/poll.ts';

describe('programs', () => {
  test('output, and input', async () => {
    expect(await run('cat', [], { input: 'words' })).toBe('words');
  });

  test('a status is told with the last words', async () => {
    await expect(run('sh', ['-c', 'echo because >&2; exit 3'])).rejects.toThrow(/ended with 3: because/);
  });

  test('a status may be of no matter', async () => {
    expect((await attempt('sh', ['-c', 'exit 3'])).status).toBe(3);
  });

  test('one that is not there is named', async () => {
    await expect(run('no-such-program', [])).rejects.toThrow('no-such-program cannot be run');
  });

  test('one that does not end is ended', async () => {
    await expect(run('sleep', ['1000'], { timeoutMs: 50 })).rejects.toThrow('did not end within');
  });
});

describe('waiting', () => {
  test('ends with the first answer', async () => {
    let asked = 0;
    expect(await until('an answer', 60_000, async () => (++asked === 2 ? 'here' : undefined))).toBe('here');
  });

  test('tells what it waited for, and the last error', async () => {
    const ask = (): Promise<never> => Promise.reject(new Error('nobody there'));
    await expect(until('an answer', 0, ask)).rejects.toThrow(/an answer: not within 0 s: nobody there/);
  });
});
