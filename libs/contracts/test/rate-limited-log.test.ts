import { RateLimitedLog, silentLogger } from '../src/index.ts';

function recordedLog(linesMax: number): {
  log: RateLimitedLog;
  lines: object[];
  pass: (ms: number) => void;
} {
  const lines: object[] = [];
  let nowMs = 5;
  const logger = {
    ...silentLogger,
    warn: (fields: object, message: string) => lines.push({ ...fields, message }),
  };
  const log = new RateLimitedLog(logger, () => nowMs, { intervalMs: 60_000, linesMax });
  return { log, lines, pass: (ms) => (nowMs += ms) };
}

describe('the rate-limited log', () => {
  it('writes one line per subject and message and interval, with the number of suppressed lines', () => {
    const { log, lines, pass } = recordedLog(100);
    for (let time = 0; time < 5; time++) log.warn('a', { client: 'a' }, 'refused');
    log.warn('b', { client: 'b' }, 'refused');
    log.warn('a', { client: 'a' }, 'closed');
    pass(60_000);
    log.warn('a', { client: 'a' }, 'refused');
    log.warn('b', { client: 'b' }, 'refused');
    expect(lines).toEqual([
      { client: 'a', message: 'refused' },
      { client: 'b', message: 'refused' },
      { client: 'a', message: 'closed' },
      { client: 'a', message: 'refused', suppressed: 4 },
      { client: 'b', message: 'refused' },
    ]);
  });

  it('writes at most a number of lines per interval, whatever the number of subjects', () => {
    const { log, lines, pass } = recordedLog(10);
    for (let client = 0; client < 1_000; client++) log.warn(`client ${client}`, { client }, 'refused');
    expect(lines).toHaveLength(10);
    pass(60_000);
    log.warn('client 1', { client: 1 }, 'refused');
    expect(lines.at(-1)).toEqual({ client: 1, message: 'refused', suppressedOthers: 990 });
  });
});
