import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { ConfigError, ListenError, silentLogger, StoreLockedError } from '@mqtt-cluster/contracts';
import { createLogger, createNotifier } from '../src/index.ts';
import { describeExit } from '../src/process/exit.ts';
import { runChild } from './support/child-process.ts';

describe('createLogger', () => {
  test('writes JSON lines with the level as a word, for messages at or above the configured level', () => {
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const logger = createLogger({ level: 'info', fields: { member: 'a' }, destination });
    logger.debug({}, 'below the level');
    logger.child({ peer: 'b' }).warn({ bytes: 3 }, 'a frame was rejected');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown,
        member: 'a',
        peer: 'b',
        bytes: 3,
        message: 'a frame was rejected',
      },
    ]);
  });

  test('writes all buffered lines when the process exits', async () => {
    const { output, code } = await runChild(`
      import { createLogger } from RUNTIME;
      const logger = createLogger({ level: 'info' });
      for (let number = 0; number < 500; number += 1) logger.info({ number }, 'line');
      process.exit(3);
    `);
    expect(code).toBe(3);
    expect(output.trimEnd().split('\n')).toHaveLength(500);
  });
});

describe('the exit after an error', () => {
  test('uses a different exit code for each kind of error', () => {
    expect(describeExit(new ConfigError('member.id is missing'))).toEqual({
      code: 78,
      text: 'CONFIG: member.id is missing',
    });
    expect(describeExit(new ListenError('in use\n  by another'))).toEqual({
      code: 75,
      text: 'LISTEN: in use by another',
    });
    expect(describeExit(new StoreLockedError('locked')).code).toBe(75);
    expect(describeExit(new TypeError('x is not a function'))).toMatchObject({
      code: 70,
      text: expect.stringMatching(/TypeError: x is not a function\n\s+at /) as unknown,
    });
    expect(describeExit('thrown text')).toEqual({ code: 70, text: 'thrown text' });
  });

  test('writes one line to standard error and ends the process', async () => {
    const result = await runChild(`
      import { loadConfig, exitWithError } from RUNTIME;
      import { z } from 'zod';
      try {
        loadConfig(z.object({ id: z.string() }), { prefix: 'TEST', directory: './absent' });
      } catch (error) {
        exitWithError(error);
      }
    `);
    expect(result).toEqual({
      code: 78,
      output: '',
      errors: 'CONFIG: Configuration: id is missing, it must be a string (TEST_ID)\n',
    });
  });
});

describe('createNotifier', () => {
  const program = `
    import { createNotifier } from RUNTIME;
    const logger = { warn(fields, message) { console.log(message); } };
    const notifier = createNotifier({ logger });
    console.log('interval', notifier.watchdogIntervalMs);
    await notifier.ready();
    await Promise.all([notifier.status('one'), notifier.status('two'), notifier.status('three\\nlines')]);
    await Promise.all([notifier.watchdog(), notifier.watchdog()]);
    await notifier.stopping();
    console.log('pid', process.pid);
  `;
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'notifier-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  test('does nothing without NOTIFY_SOCKET', async () => {
    const notifier = createNotifier({ logger: silentLogger, environment: { WATCHDOG_USEC: '1000000' } });
    expect(notifier.watchdogIntervalMs).toBeNull();
    await notifier.ready();
    await notifier.watchdog();
    const { output } = await runChild(program, { PATH: directory });
    expect(output).toMatch(/^interval null\npid \d+\n$/);
  });

  test('sends only the newest status with systemd-notify, and one watchdog notification at a time', async () => {
    const calls = join(directory, 'calls');
    const fake = join(directory, 'systemd-notify');
    writeFileSync(fake, `#!/bin/sh\necho "$@" >> ${calls}\n`);
    chmodSync(fake, 0o755);
    const environment = {
      PATH: `${directory}:/usr/bin:/bin`,
      NOTIFY_SOCKET: '/nowhere',
      WATCHDOG_USEC: '3000000',
    };
    const { output } = await runChild(program, environment);
    const pid = /pid (\d+)/.exec(output)![1]!;
    expect(output).toBe(`interval 1500\npid ${pid}\n`);
    expect(readFileSync(calls, 'utf8').split('\n')).toEqual([
      `--ready --pid=${pid}`,
      `--pid=${pid} --status=one`,
      `--pid=${pid} --status=three lines`,
      'WATCHDOG=1',
      'STOPPING=1',
      '',
    ]);
  });

  test('in a container, sends only READY=1 and WATCHDOG=1 to the socket, each in a separate call', async () => {
    const calls = join(directory, 'calls');
    const fake = join(directory, 'systemd-notify');
    writeFileSync(fake, `#!/bin/sh\necho "$NOTIFY_SOCKET $@" >> ${calls}\n`);
    chmodSync(fake, 0o755);
    const environment = {
      PATH: `${directory}:/usr/bin:/bin`,
      NOTIFY_SOCKET: '/conmon',
      WATCHDOG_USEC: '3000000',
      WATCHDOG_PID: '4711',
      container: 'podman',
    };
    const withoutSocket = program.replace('{ logger }', '{ logger, exists: () => false }');
    expect((await runChild(withoutSocket, environment)).output).toMatch(/^interval 1500\n/);
    expect(readFileSync(calls, 'utf8')).toBe('/conmon READY=1\n/conmon WATCHDOG=1\n');
    rmSync(calls);
    await runChild(program.replace('{ logger }', '{ logger, exists: () => true }'), environment);
    expect(readFileSync(calls, 'utf8').split('\n')).toEqual([
      '/conmon READY=1',
      '/run/systemd/notify STATUS=one',
      '/run/systemd/notify STATUS=three lines',
      '/conmon WATCHDOG=1',
      '/run/systemd/notify STOPPING=1',
      '',
    ]);
  });

  test('logs one warning when systemd-notify is missing', async () => {
    const { output, code } = await runChild(program, { PATH: directory, NOTIFY_SOCKET: '/nowhere' });
    expect(code).toBe(0);
    expect(output.split('\n').filter((line) => line.includes('cannot be notified'))).toHaveLength(1);
  });

  test.each([
    ['meant for another process', { WATCHDOG_USEC: '1000000', WATCHDOG_PID: '1' }, null],
    ['meant for this process', { WATCHDOG_USEC: '1000000', WATCHDOG_PID: String(process.pid) }, 500],
    ['that is not a number', { WATCHDOG_USEC: 'soon' }, null],
  ])('a watchdog timeout %s results in the expected watchdog interval', (_name, environment, expected) => {
    const notifier = createNotifier({
      logger: silentLogger,
      environment: { NOTIFY_SOCKET: '/nowhere', ...environment },
    });
    expect(notifier.watchdogIntervalMs).toBe(expected);
  });
});
