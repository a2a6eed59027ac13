import type { Metrics } from '@mqtt-cluster/metric-catalogue';

/** Keeps the values of the series, for example `mqtt_cluster_link_running plant`. */
export class RecordedMetrics implements Metrics {
  readonly series = new Map<string, number>();

  add({ name }: { readonly name: string }, labels: readonly string[], value: number): void {
    const key = [name, ...labels].join(' ');
    this.series.set(key, (this.series.get(key) ?? 0) + value);
  }

  set({ name }: { readonly name: string }, labels: readonly string[], value: number): void {
    this.series.set([name, ...labels].join(' '), value);
  }

  observe(): void {
    throw new Error('links have no histograms');
  }

  remove({ name }: { readonly name: string }, labels: readonly string[]): void {
    this.series.delete([name, ...labels].join(' '));
  }
}
