import { describe, expect, test } from '@jest/globals';
import { assertUnchanged } from '../src/steps/deploy.ts';
import { firstFailure, parseRecap } from '../src/playbook.ts';

const recap = `
TASK [x] ***
ok: [10.0.0.55]

PLAY RECAP *********************************************************************
10.0.0.140                 : ok=21   changed=3    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0   
10.0.0.55                  : ok=57   changed=0    unreachable=1    failed=2    skipped=10   rescued=0    ignored=0   

`;

describe('what ansible says', () => {
  test('the recap, host by host', () => {
    expect(parseRecap(recap)).toEqual([
      { host: '10.0.0.140', changed: 3, unreachable: 0, failed: 0 },
      { host: '10.0.0.55', changed: 0, unreachable: 1, failed: 2 },
    ]);
  });

  test('without a recap there are no hosts', () => {
    expect(parseRecap('ERROR! the playbook could not be found')).toEqual([]);
  });

  test('the first failure in one line', () => {
    const output = `ok: [a]\nfatal: [10.0.0.57]: FAILED! => {"changed": false, "msg": "There is \\"no\\"\\nimage"}\n`;
    expect(firstFailure(output)).toBe('10.0.0.57: There is \\"no\\" image');
  });

  test('a failure without a message is told as it is', () => {
    expect(firstFailure('a\nERROR! no inventory')).toBe('ERROR! no inventory');
  });
});

describe('a second run', () => {
  test('names the hosts on which something changed', () => {
    expect(() => assertUnchanged(parseRecap(recap))).toThrow('10.0.0.140 (3)');
  });

  test('is no success without a recap', () => {
    expect(() => assertUnchanged([])).toThrow('no recap');
  });

  test('that changed nothing is well', () => {
    expect(() => assertUnchanged([{ host: 'a', changed: 0, unreachable: 0, failed: 0 }])).not.toThrow();
  });
});
