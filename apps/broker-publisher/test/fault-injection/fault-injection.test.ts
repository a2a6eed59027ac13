import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { ClientEffect, ClientInput, ClientPort, Logger } from '@mqtt-cluster/contracts';
import { schema } from '../../src/config.ts';
import { installClock } from '../../src/fault-injection/wall-clock.ts';
import { withEarlyAcks } from '../../src/fault-injection/early-acks.ts';
import { parseTestingFaults, Testing } from '../../src/fault-injection/fault-injection.ts';

const config = (testing: object) => schema.parse({ id: 'a', peers: ['a=127.0.0.1:1'], testing });

describe('the test-only switch', () => {
  test('is off unless the configuration asks for it', () => {
    expect(Testing.from(config({}), silentLogger)).toBeNull();
    expect(Testing.from(config({ ackBeforeCommit: true }), silentLogger)).not.toBeNull();
  });

  test('takes its faults from the file, says so, and is loud about it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'testing-'));
    const warnings: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_fields, text) => void warnings.push(text) };
    const file = join(folder, 'faults.json');
    const text = '{"clockMs": 3600000}';
    writeFileSync(file, text);
    const trueNow = Date.now();
    const testing = Testing.from(config({ faults: file }), logger);
    try {
      await testing?.start();
      expect(readFileSync(`${file}.applied`, 'utf8')).toBe(text);
      expect(Date.now()).toBeGreaterThanOrEqual(trueNow + 3_600_000);
      expect(warnings.join()).toContain('TESTING');
    } finally {
      await testing?.stop();
      rmSync(folder, { recursive: true });
    }
    expect(Date.now()).toBeLessThan(trueNow + 3_600_000);
  });

  test.each([
    ['nonsense', 'not JSON'],
    ['{"disk": {"slowMs": -1}}', 'disk.slowMs'],
    ['{"disk": {"fill": true}}', 'disk'],
    ['{"clock": 5}', 'clock'],
  ])('%s is refused', (text, message) => {
    expect(() => parseTestingFaults(text)).toThrow(message);
  });

  test('what is left out is sound', () => {
    expect(parseTestingFaults('{"disk": {"full": true}}')).toEqual({
      disk: { full: true, slowMs: 0 },
      clockMs: 0,
      ackBeforeCommit: false,
    });
  });
});

test('a stepped clock moves every reading of the wall clock, and no date that is given', () => {
  let shiftMs = 0;
  const restore = installClock(() => shiftMs);
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

describe('acks before the commit', () => {
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
    const heard: ClientEffect[] = [];
    wrapped.onEffects((effects) => heard.push(...effects));
    return { wrapped, heard, commit: (...effects: ClientEffect[]) => commit(effects) };
  }

  test('leave with the publish, once', async () => {
    const { wrapped, heard, commit } = port(true);
    wrapped.input(1, publish(5, 1));
    wrapped.input(1, publish(6, 2));
    wrapped.input(1, publish(0, 0));
    await Promise.resolve();
    expect(heard).toEqual([ack('puback', 5), ack('pubrec', 6)]);
    const pubcomp: ClientEffect = { kind: 'pubcomp', connection: 1, packetId: 6 };
    commit(ack('puback', 5), ack('pubrec', 6), pubcomp);
    expect(heard.slice(2)).toEqual([pubcomp]);
  });

  test('a packet id that is used again before its first commit is acked twice in all', async () => {
    const { wrapped, heard, commit } = port(true);
    wrapped.input(1, publish(5, 1));
    wrapped.input(1, publish(5, 1));
    await Promise.resolve();
    commit(ack('puback', 5));
    commit(ack('puback', 5));
    expect(heard).toHaveLength(2);
  });

  test('switched off nothing changes', async () => {
    const { wrapped, heard, commit } = port(false);
    wrapped.input(1, publish(5, 1));
    await Promise.resolve();
    expect(heard).toEqual([]);
    commit(ack('puback', 5));
    expect(heard).toEqual([ack('puback', 5)]);
  });
});
