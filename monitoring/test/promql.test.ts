import { PromqlError, selectionsOf, withDurations } from '../src/index.ts';

describe('PromQL', () => {
  it('names every metric a query reads, and the labels it asks for', () => {
    const query =
      'sum by (member) (rate(a_total{qos=~"1|2"}[5m])) / on (member) group_left () up{job="x"} > 0';
    expect(selectionsOf(query)).toEqual([
      { metric: 'a_total', labels: ['qos'] },
      { metric: 'up', labels: ['job'] },
    ]);
  });

  it('refuses what is no PromQL, and a selector without a name', () => {
    expect(() => selectionsOf('sum(a_total')).toThrow(PromqlError);
    expect(() => selectionsOf('rate(a_total[5m)')).toThrow(PromqlError);
    expect(() => selectionsOf('{job="x"}')).toThrow(/names no metric/);
  });

  it('changes ranges, offsets and steps, and no number', () => {
    const change = (duration: string): string => `<${duration}>`;
    expect(withDurations('rate(a_total[5m] offset 1h) > 300', change)).toBe(
      'rate(a_total[<5m>] offset <1h>) > 300',
    );
    expect(withDurations('max_over_time(a[10m:1m])', change)).toBe('max_over_time(a[<10m>:<1m>])');
  });
});
