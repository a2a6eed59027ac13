import { parse } from 'yaml';
import { atLabSpeed, secondsOf } from '../src/index.ts';

describe('rules at the speed of a lab', () => {
  it('are the same but for their durations', () => {
    const file = {
      file: 'alerts/x.yml',
      groups: [
        {
          name: 'x',
          rules: [
            {
              file: 'alerts/x.yml',
              alert: 'X',
              expr: 'rate(a[30m]) > 300',
              for: '5m',
              labels: {},
              annotations: {},
            },
          ],
        },
      ],
    };
    expect(parse(atLabSpeed(file))).toEqual({
      groups: [
        {
          name: 'x',
          interval: '1s',
          rules: [{ alert: 'X', expr: 'rate(a[60s]) > 300', for: '10s', labels: {}, annotations: {} }],
        },
      ],
    });
  });

  it('read durations, and refuse what is none', () => {
    expect(secondsOf('1h30m')).toBe(5_400);
    expect(secondsOf('1d')).toBe(86_400);
    expect(() => secondsOf('5 minutes')).toThrow(/no duration/);
  });
});
