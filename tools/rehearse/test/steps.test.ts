import { describe, expect, test } from '@jest/globals';
import { assertRefused } from '../src/steps/refusals.ts';
import { assertReadyBeforeActive, parseSamples } from '../src/steps/restart.ts';

describe('READY', () => {
  const starting = 'inactive 000\nactivating 000\nactivating 503\n';

  test('active with the member ready is right', () => {
    expect(() => assertReadyBeforeActive(parseSamples(`${starting}active 200\n`))).not.toThrow();
  });

  test.each([
    ['active 503', 'systemd said "active" while /readyz answered 503'],
    ['active 000', 'systemd said "active" while /readyz answered nothing'],
    ['activating 200', 'systemd never said "active"'],
  ])('%s at the end is wrong', (last, sentence) => {
    expect(() => assertReadyBeforeActive(parseSamples(`${starting}${last}\n`))).toThrow(sentence);
  });

  test('a start that was never seen proves nothing', () => {
    expect(() => assertReadyBeforeActive(parseSamples('active 200\n'))).toThrow('never seen');
  });
});

describe('a refusal', () => {
  const recap = (changed: number): string =>
    `fatal: [h]: FAILED! => {"msg": "There is\\nno room"}\nPLAY RECAP ***\nh : ok=1 changed=${changed} unreachable=0 failed=1\n`;

  test('needs its sentence, and that nothing was changed', () => {
    expect(() => assertRefused(2, recap(0), 'There is no room')).not.toThrow();
    expect(() => assertRefused(0, recap(0), 'There is no room')).toThrow('it was not refused');
    expect(() => assertRefused(2, recap(0), 'no image')).toThrow(
      '"no image" was not said, but: h: There is no room',
    );
    expect(() => assertRefused(2, recap(1), 'There is no room')).toThrow('changed before on h');
  });
});
