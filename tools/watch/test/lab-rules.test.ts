import { parse } from 'yaml';
import { shortenDurations, durationSeconds } from '../src/index.ts';

describe('the rules of a lab', () => {
  it('are the rules of production with shorter durations', () => {
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
    expect(parse(shortenDurations(file))).toEqual({
      groups: [
        {
          name: 'x',
          interval: '1s',
          rules: [{ alert: 'X', expr: 'rate(a[60s]) > 300', for: '10s', labels: {}, annotations: {} }],
        },
      ],
    });
  });

  it('are shortened with durationSeconds, which converts PromQL durations and rejects other text', () => {
    expect(durationSeconds('1h30m')).toBe(5_400);
    expect(durationSeconds('1d')).toBe(86_400);
    expect(() => durationSeconds('5 minutes')).toThrow(/not a duration/);
  });
});
