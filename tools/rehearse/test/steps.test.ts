import { describe, expect, test } from '@jest/globals';
import { assertRefused } from '../src/steps/refusals.ts';
import { assertReadyBeforeActive, parseSamples } from '../src/steps/restart.ts';

describe('READY', () => {
  const starting = 'inactive 000\nactivating 000\nactivating 503\n';

  test('passes when systemd reports active with a ready member', () => {
    expect(() => assertReadyBeforeActive(parseSamples(`${starting}active 200\n`))).not.toThrow();
  });

  test.each([
    ['active 503', 'systemd reported "active" while /readyz returned 503'],
    ['active 000', 'systemd reported "active" while /readyz returned nothing'],
    ['activating 200', 'systemd never reported "active"'],
  ])('fails with %s at the end', (last, sentence) => {
    expect(() => assertReadyBeforeActive(parseSamples(`${starting}${last}\n`))).toThrow(sentence);
  });

  test('fails without a sample of the start', () => {
    expect(() => assertReadyBeforeActive(parseSamples('active 200\n'))).toThrow(
      'never reported "activating"',
    );
  });
});

describe('a rejected playbook', () => {
  const recap = (changed: number): string =>
    `fatal: [h]: FAILED! => {"msg": "There is\\nno room"}\nPLAY RECAP ***\nh : ok=1 changed=${changed} unreachable=0 failed=1\n`;

  test('must give the expected message, and change nothing', () => {
    expect(() => assertRefused(2, recap(0), 'There is no room')).not.toThrow();
    expect(() => assertRefused(0, recap(0), 'There is no room')).toThrow('the playbook was not rejected');
    expect(() => assertRefused(2, recap(0), 'no image')).toThrow(
      'expected the message "no image", but the playbook reported: h: There is no room',
    );
    expect(() => assertRefused(2, recap(1), 'There is no room')).toThrow('rejected after it had changed h');
  });
});
