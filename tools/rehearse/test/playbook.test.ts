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

describe('the output of ansible', () => {
  test('contains a recap for each host', () => {
    expect(parseRecap(recap)).toEqual([
      { host: '10.0.0.140', changed: 3, unreachable: 0, failed: 0 },
      { host: '10.0.0.55', changed: 0, unreachable: 1, failed: 2 },
    ]);
  });

  test('has no hosts without a recap', () => {
    expect(parseRecap('ERROR! the playbook could not be found')).toEqual([]);
  });

  test('contains the message of the first failure, returned in one line', () => {
    const output = `ok: [a]\nfatal: [10.0.0.57]: FAILED! => {"changed": false, "msg": "There is \\"no\\"\\nimage"}\n`;
    expect(firstFailure(output)).toBe('10.0.0.57: There is \\"no\\" image');
  });

  test('may contain a failure without a message, returned unchanged', () => {
    expect(firstFailure('a\nERROR! no inventory')).toBe('ERROR! no inventory');
  });
});

describe('a second run', () => {
  test('fails with the names of the changed hosts', () => {
    expect(() => assertUnchanged(parseRecap(recap))).toThrow('10.0.0.140 (3)');
  });

  test('fails without a recap', () => {
    expect(() => assertUnchanged([])).toThrow('no recap');
  });

  test('passes when it changed nothing', () => {
    expect(() => assertUnchanged([{ host: 'a', changed: 0, unreachable: 0, failed: 0 }])).not.toThrow();
  });
});
