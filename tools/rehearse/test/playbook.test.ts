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

describe("the parsers of ansible's output:", () => {
  test('parseRecap returns the counts of each host', () => {
    expect(parseRecap(recap)).toEqual([
      { host: '10.0.0.140', changed: 3, unreachable: 0, failed: 0 },
      { host: '10.0.0.55', changed: 0, unreachable: 1, failed: 2 },
    ]);
  });

  test('parseRecap returns no hosts for an output without a recap', () => {
    expect(parseRecap('ERROR! the playbook could not be found')).toEqual([]);
  });

  test('firstFailure returns the message of the first failed host in one line', () => {
    const output = `ok: [a]\nfatal: [10.0.0.57]: FAILED! => {"changed": false, "msg": "There is \\"no\\"\\nimage"}\n`;
    expect(firstFailure(output)).toBe('10.0.0.57: There is \\"no\\" image');
  });

  test('firstFailure returns the last line of an output without a failed host', () => {
    expect(firstFailure('a\nERROR! no inventory')).toBe('ERROR! no inventory');
  });
});

describe('assertUnchanged', () => {
  test('throws an error with the addresses of the changed hosts', () => {
    expect(() => assertUnchanged(parseRecap(recap))).toThrow('10.0.0.140 (3)');
  });

  test('throws an error for an output without a recap', () => {
    expect(() => assertUnchanged([])).toThrow('no recap');
  });

  test('accepts a recap without changes', () => {
    expect(() => assertUnchanged([{ host: 'a', changed: 0, unreachable: 0, failed: 0 }])).not.toThrow();
  });
});
