import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { createHistoryWriter } from '../src/history/writer.ts';
import { checkHistoryFile } from '../src/check-file.ts';
import { readHistory } from '../src/history/reader.ts';
import { HistoryBuilder, testHeader, violated } from './history-builder.ts';
import type { Header, HistoryEvent } from '../src/history/events.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'history-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function readAll(path: string): Promise<{ header: Header | null; events: HistoryEvent[] }> {
  const read: { header: Header | null; events: HistoryEvent[] } = { header: null, events: [] };
  await readHistory(path, {
    header: (header) => {
      read.header = header;
    },
    event: (event) => read.events.push(event),
  });
  return read;
}

/** @returns a history with one event of each kind */
function everyKind(): HistoryEvent[] {
  const history = new HistoryBuilder();
  const publisher = history.connect('publisher', { version: 5, will: history.will('w/ü', { retain: true }) });
  history.subscribe(publisher, 't/ü/#', 1);
  const message = history.publish(publisher, 't/ü', { qos: 2, retain: true });
  history.deliver(publisher, message, 't/ü', { dup: true });
  history.unsubscribe(publisher, 't/ü/#');
  history.close(publisher, 'server');
  history.fault('cut', ['A', 'B'])();
  history.settle();
  history.retained({ 't/ü': message });
  return [...history.events, { type: 'end', at: 5_000.125, crashes: ['A ended'] }];
}

async function write(path: string, events: readonly HistoryEvent[], header = testHeader): Promise<string> {
  const writer = await createHistoryWriter(path, header);
  for (const event of events) if (!writer.write(event)) await writer.ready();
  await writer.close();
  return path;
}

describe.each(['run.jsonl', 'run.jsonl.gz'])('the history file %s', (name) => {
  test('contains the events that were written', async () => {
    const path = await write(join(folder, name), everyKind());
    expect(await readAll(path)).toEqual({ header: testHeader, events: everyKind() });
  });

  test('can be closed when every event has already been written', async () => {
    const path = join(folder, name);
    const writer = await createHistoryWriter(path, testHeader);
    // This line is longer than a batch, so the writer writes it at once and no event is queued at `close`.
    writer.write({ type: 'end', at: 1, crashes: ['x'.repeat(300_000)] });
    while ((await stat(path)).size === 0) await nextTurn();
    for (let turn = 0; turn < 10; turn++) await nextTurn();
    await writer.close();
    expect((await readAll(path)).events).toHaveLength(1);
  });

  test('is read correctly when lines cross the boundaries of batches and chunks', async () => {
    const count = 60_000;
    const events: HistoryEvent[] = Array.from({ length: count }, (_, at) => ({
      type: 'subscribe',
      at,
      connection: at,
      filter: `straße/${at}`,
      qos: 1,
    }));
    const path = await write(join(folder, name), [...events, { type: 'end', at: count, crashes: [] }]);
    const read = await readAll(path);
    expect(read.events).toHaveLength(count + 1);
    expect(read.events[count - 1]).toEqual(events[count - 1]);
  });

  test('is rejected with the number of its last line if the event `end` is missing', async () => {
    const path = await write(join(folder, name), everyKind());
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 12));
    await expect(readAll(path)).rejects.toThrow(
      /^.*: incomplete after line \d+: the run did not reach its end/,
    );
  });
});

test('HistoryWriter.write returns false when many events are queued, and throws when the caller continues without waiting', async () => {
  const writer = await createHistoryWriter(join(folder, 'run.jsonl'), testHeader);
  const event: HistoryEvent = { type: 'phase', at: 1, phase: 'quiet' };
  const long: HistoryEvent = { type: 'end', at: 1, crashes: ['x'.repeat(1024 * 1024)] };
  expect(writer.write(event)).toBe(true);
  const answers = Array.from({ length: 8 }, () => writer.write(long));
  expect(answers.at(-1)).toBe(false);
  expect(() => {
    for (let count = 0; count < 64; count++) writer.write(long);
  }).toThrow(/can't be written as fast as the run records/);
  await writer.ready();
  expect(writer.write(event)).toBe(true);
  await writer.close();
  expect(() => writer.write(event)).toThrow('already closed');
});

test('createHistoryWriter throws when the file cannot be created', async () => {
  const path = join(folder, 'none', 'run.jsonl');
  await expect(createHistoryWriter(path, testHeader)).rejects.toThrow(`${path} can't be written: ENOENT`);
});

// Linux has the device /dev/full: a write to /dev/full fails with ENOSPC.
const testOnLinux = existsSync('/dev/full') ? test : test.skip;
testOnLinux('close throws when the disk is full', async () => {
  const writer = await createHistoryWriter('/dev/full', testHeader);
  writer.write({ type: 'phase', at: 1, phase: 'quiet' });
  await expect(writer.close()).rejects.toThrow("/dev/full can't be written: ENOSPC");
});

describe('checkHistoryFile', () => {
  const header = JSON.stringify(testHeader);
  const end = '{"type":"end","at":9,"crashes":[]}';
  test.each([
    ['', ': not a history: the file is empty'],
    ['hello\n', ', line 1: not a history: the first line is not a header'],
    ['{"a":1}', ', line 1: not a history: the first line is not a header'],
    [
      `${header.replace('"format":1', '"format":2')}\n`,
      ', line 1: history format 2 is not supported; this version reads format 1',
    ],
    ['{"type":"header","format":1}\n', ', line 1: the header has no `servers` or no `limits`'],
    [`${header}\n`, ': incomplete after line 1'],
    [`${header}\n{"type":"phase","at":1,"phase":"quiet"}\n`, ': incomplete after line 2'],
    [`${header}\n{"type":"ph\n${end}\n`, ', line 2: the line is not JSON'],
    [`${header}\n{"type":"mystery","at":1}\n`, ', line 2: unknown event type "mystery"'],
    [`${header}\n{"type":"phase","phase":"quiet"}\n`, ', line 2: the event phase has no time `at`'],
    [
      `${header}\n{"type":"closed","at":1,"connection":"x","how":"lost"}\n`,
      ', line 2: the field `connection` of closed is "x", not a number',
    ],
    [
      `${header}\n{"type":"closed","at":1,"connection":4,"how":"lost"}\n${end}\n`,
      ', line 2: connection 4 was never opened',
    ],
    [`${header}\n${end}\n${end}\n`, ', line 3: there is a line after the `end`'],
  ])(
    'rejects the file content %j with one line of text: the file, the line and the reason',
    async (text, message) => {
      const path = join(folder, 'run.jsonl');
      await writeFile(path, text);
      const failure: Error = await checkHistoryFile(path).then(
        () => new Error('the file was accepted'),
        (error: Error) => error,
      );
      expect(failure).toMatchObject({ name: 'HistoryError' });
      expect(failure.message.startsWith(`${path}${message}`)).toBe(true);
      expect(failure.message).not.toContain('\n');
    },
  );

  test('rejects a missing file, a file that is not gzip, and a compressed file that is not a history', async () => {
    const path = join(folder, 'run.jsonl.gz');
    await expect(checkHistoryFile(path)).rejects.toThrow(`${path} can't be read: ENOENT`);
    await writeFile(path, 'hello\n');
    await expect(checkHistoryFile(path)).rejects.toThrow(`${path} is not a gzip file`);
    await writeFile(path, gzipSync('hello\n'));
    await expect(checkHistoryFile(path)).rejects.toThrow(`${path}, line 1: not a history`);
  });
});

test('checkHistoryFile returns the same verdict as the checker on the same events', async () => {
  const history = new HistoryBuilder();
  const subscriber = history.connect('subscriber');
  history.subscribe(subscriber, 't');
  history.publish(subscriber, 't');
  const live = history.verdict();
  const events: HistoryEvent[] = [...history.events, { type: 'end', at: history.now(), crashes: [] }];
  const shares: number[] = [];
  const checked = await checkHistoryFile(await write(join(folder, 'run.jsonl.gz'), events), (share) =>
    shares.push(share),
  );
  expect(violated(checked)).toEqual(['acked-but-lost']);
  expect({ ...checked }).toMatchObject({ ...live });
  expect(checked.header).toEqual(testHeader);
  expect(shares.at(-1)).toBe(1);
});
