import { describe, expect, test } from '@jest/globals';
import { assertRejected } from '../src/steps/refusals.ts';
import { assertReadyBeforeActive, parseSamples } from '../src/steps/restart.ts';

describe('assertReadyBeforeActive', () => {
  const starting = 'inactive 000\nactivating 000\nactivating 503\n';

  test('accepts samples in which the member is ready when systemd reports active', () => {
    expect(() => assertReadyBeforeActive(parseSamples(`${starting}active 200\n`))).not.toThrow();
  });

  test.each([
    ['active 503', 'systemd reported "active" while /readyz returned 503'],
    ['active 000', 'systemd reported "active" while /readyz returned nothing'],
    ['activating 200', 'systemd never reported "active"'],
  ])('throws an error if the last sample is "%s"', (last, sentence) => {
    expect(() => assertReadyBeforeActive(parseSamples(`${starting}${last}\n`))).toThrow(sentence);
  });

  test('throws an error if no sample is in the state activating', () => {
    expect(() => assertReadyBeforeActive(parseSamples('active 200\n'))).toThrow(
      'never reported "activating"',
    );
  });
});

describe('assertRejected', () => {
  const recap = (changed: number): string =>
    `fatal: [h]: FAILED! => {"msg": "There is\\nno room"}\nPLAY RECAP ***\nh : ok=1 changed=${changed} unreachable=0 failed=1\n`;

  test('accepts a playbook only if the playbook failed with the expected message and changed no host', () => {
    expect(() => assertRejected(2, recap(0), 'There is no room')).not.toThrow();
    expect(() => assertRejected(0, recap(0), 'There is no room')).toThrow('the playbook was not rejected');
    expect(() => assertRejected(2, recap(0), 'no image')).toThrow(
      'expected the message "no image", but the playbook reported: h: There is no room',
    );
    expect(() => assertRejected(2, recap(1), 'There is no room')).toThrow('rejected after it had changed h');
  });
});
