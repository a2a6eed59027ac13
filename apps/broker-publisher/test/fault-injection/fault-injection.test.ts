import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { ClientEffect, ClientInput, ClientPort, Logger } from '@mqtt-cluster/contracts';
import { configSchema } from '../../src/config.ts';
import { shiftWallClock } from '../../src/fault-injection/wall-clock.ts';
import { withEarlyAcks } from '../../src/fault-injection/early-acks.ts';
import { FaultInjection, parseFaults } from '../../src/fault-injection/fault-injection.ts';

const config = (testing: object) => configSchema.parse({ id: 'a', peers: ['a=127.0.0.1:1'], testing });

describe('fault injection', () => {
  test('is off unless the configuration enables it', () => {
    expect(FaultInjection.from(config({}), silentLogger)).toBeNull();
    expect(FaultInjection.from(config({ ackBeforeCommit: true }), silentLogger)).not.toBeNull();
  });

  test('reads the faults from the file, writes the applied faults to a second file and logs a warning', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faults-'));
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, text) => void warnings.push(text) };
    const file = join(folder, 'faults.json');
    const text = '{"clockMs": 3600000}';
    writeFileSync(file, text);
    const trueNow = Date.now();
    const injection = FaultInjection.from(config({ faults: file }), logger);
    try {
      await injection?.start();
      expect(readFileSync(`${file}.applied`, 'utf8')).toBe(text);
      expect(Date.now()).toBeGreaterThanOrEqual(trueNow + 3_600_000);
      expect(warnings.join()).toContain('TESTING');
    } finally {
      await injection?.stop();
      rmSync(folder, { recursive: true });
    }
    expect(Date.now()).toBeLessThan(trueNow + 3_600_000);
  });

  test('keeps the faults in force when the file is not UTF-8, and logs its line once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'faults-'));
    const file = join(folder, 'faults.json');
    const errors: unknown[] = [];
    writeFileSync(file, Buffer.from('{\n"\xEF": 1}', 'latin1'));
    const logger: Logger = { ...silentLogger, error: (fields) => void errors.push(fields) };
    const injection = FaultInjection.from(config({ faults: file }), logger);
    try {
      await injection?.start();
      expect(errors).toMatchObject([{ error: { message: 'testing.faults: line 2: the text is not UTF-8' } }]);
      expect(existsSync(`${file}.applied`)).toBe(false);
    } finally {
      await injection?.stop();
      rmSync(folder, { recursive: true });
    }
  });

  test.each([
    ['nonsense', 'testing.faults: line 1, column 1: the text is not JSON'],
    ['{"disk": {"slowMs": -1}}', 'disk.slowMs'],
    ['{"disk": {"fill": true}}', 'disk'],
    ['{"clock": 5}', 'clock'],
  ])('rejects a faults file with the text %s', (text, message) => {
    expect(() => parseFaults(text)).toThrow(message);
  });

  test('does not inject a fault that the file does not contain', () => {
    expect(parseFaults('{"disk": {"full": true}}')).toEqual({
      disk: { full: true, slowMs: 0 },
      clockMs: 0,
      ackBeforeCommit: false,
    });
  });
});

test('shiftWallClock shifts the current time that Date returns, but not a Date that is created from a given time', () => {
  let shiftMs = 0;
  const restore = shiftWallClock(() => shiftMs);
  try {
    const before = Date.now();
    shiftMs = -86_400_000;
    expect(Date.now()).toBeLessThan(before);
    expect(new Date().getTime()).toBeLessThan(before);
    expect(Date.parse(Date())).toBeLessThan(before);
    expect(new Date(before).getTime()).toBe(before);
    expect(new Date(2026, 0, 1).getFullYear()).toBe(2026);
    expect(new Date()).toBeInstanceOf(Date);
  } finally {
    restore();
  }
});

describe('early acknowledgements', () => {
  const publish = (packetId: number, qos: 0 | 1 | 2): ClientInput => ({
    kind: 'publish',
    request: { topic: 't', payload: Buffer.alloc(0), qos, retain: false, packetId },
  });
  const ack = (kind: 'puback' | 'pubrec', packetId: number): ClientEffect => ({
    kind,
    connection: 1,
    packetId,
    result: 'ok',
  });

  function port(active: boolean) {
    let commit: (effects: readonly ClientEffect[]) => void = () => undefined;
    const inner = {
      input: () => undefined,
      onEffects: (handler: (effects: readonly ClientEffect[]) => void) => (commit = handler),
    } as unknown as ClientPort;
    const wrapped = withEarlyAcks(inner, () => active);
    const effects: ClientEffect[] = [];
    wrapped.onEffects((batch) => effects.push(...batch));
    return { wrapped, effects, commit: (...committed: ClientEffect[]) => commit(committed) };
  }

  test('are sent at once after the PUBLISH, and the later acknowledgement of the member is dropped', async () => {
    const { wrapped, effects, commit } = port(true);
    wrapped.input(1, publish(5, 1));
    wrapped.input(1, publish(6, 2));
    wrapped.input(1, publish(0, 0));
    await Promise.resolve();
    expect(effects).toEqual([ack('puback', 5), ack('pubrec', 6)]);
    const pubcomp: ClientEffect = { kind: 'pubcomp', connection: 1, packetId: 6 };
    commit(ack('puback', 5), ack('pubrec', 6), pubcomp);
    expect(effects.slice(2)).toEqual([pubcomp]);
  });

  test('are sent twice for a packet identifier that is used twice before the first commit', async () => {
    const { wrapped, effects, commit } = port(true);
    wrapped.input(1, publish(5, 1));
    wrapped.input(1, publish(5, 1));
    await Promise.resolve();
    commit(ack('puback', 5));
    commit(ack('puback', 5));
    expect(effects).toHaveLength(2);
  });

  test('are not sent while the fault is off', async () => {
    const { wrapped, effects, commit } = port(false);
    wrapped.input(1, publish(5, 1));
    await Promise.resolve();
    expect(effects).toEqual([]);
    commit(ack('puback', 5));
    expect(effects).toEqual([ack('puback', 5)]);
  });
});
