import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AlarmReader } from '../src/targets/alarms.ts';

const folder = mkdtempSync(join(tmpdir(), 'torture-alarms-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (level: string, message: string) => `${JSON.stringify({ level, member: 'm1', message })}\n`;
const state = 'peers have a different state at this index';

describe('AlarmReader', () => {
  const file = join(folder, 'log.jsonl');
  const watch = new AlarmReader([
    { member: 'm1', file },
    { member: 'm2', file: join(folder, 'not there yet') },
  ]);

  it('returns each log error about a different state or an ignored log entry once, and ignores all other log messages', () => {
    expect(watch.take()).toEqual([]);
    writeFileSync(
      file,
      line('warn', 'the state of the link to a peer changed') + line('error', 'the disk is full'),
    );
    expect(watch.take()).toEqual([]);
    appendFileSync(
      file,
      line('error', state) + line('error', 'log entry 7 ignored: its bytes are not a batch: "x"'),
    );
    expect(watch.take()).toEqual([
      `m1 raised an alarm: ${state}`,
      'm1 raised an alarm: log entry 7 ignored: its bytes are not a batch: \\"x\\"',
    ]);
    expect(watch.take()).toEqual([]);
  });

  it('returns an alarm when its log line is written to the file in two parts', () => {
    const text = line('error', state);
    appendFileSync(file, text.slice(0, 20));
    expect(watch.take()).toEqual([]);
    appendFileSync(file, text.slice(20));
    expect(watch.take()).toHaveLength(1);
  });
});
