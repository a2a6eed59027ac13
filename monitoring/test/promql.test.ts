import { PromqlError, vectorSelectors, replaceDurations } from '../src/index.ts';

describe('vectorSelectors', () => {
  it('returns each metric of a query with the labels of its matchers', () => {
    const query =
      'sum by (member) (rate(a_total{qos=~"1|2"}[5m])) / on (member) group_left () up{job="x"} > 0';
    expect(vectorSelectors(query)).toEqual([
      { metric: 'a_total', labels: ['qos'] },
      { metric: 'up', labels: ['job'] },
    ]);
  });

  it('rejects invalid PromQL and a selector without a metric name', () => {
    expect(() => vectorSelectors('sum(a_total')).toThrow(PromqlError);
    expect(() => vectorSelectors('rate(a_total[5m)')).toThrow(PromqlError);
    expect(() => vectorSelectors('{job="x"}')).toThrow(/no metric name/);
  });
});

describe('replaceDurations', () => {
  it('changes ranges, offsets and steps, but not other numbers', () => {
    const change = (duration: string): string => `<${duration}>`;
    expect(replaceDurations('rate(a_total[5m] offset 1h) > 300', change)).toBe(
      'rate(a_total[<5m>] offset <1h>) > 300',
    );
    expect(replaceDurations('max_over_time(a[10m:1m])', change)).toBe('max_over_time(a[<10m>:<1m>])');
  });
});
