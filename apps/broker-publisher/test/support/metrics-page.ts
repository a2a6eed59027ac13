/** The parsed text of a `/metrics` page. */
export class MetricsPage {
  readonly text: string;
  readonly #values = new Map<string, number>();
  /** Names of the metrics that have at least one value. */
  readonly names = new Set<string>();

  constructor(text: string) {
    this.text = text;
    const histograms = new Set([...text.matchAll(/^# TYPE (\S+) histogram$/gm)].map((match) => match[1]));
    for (const [, name, labels = '', value] of text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? (\S+)$/gm)) {
      const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].filter(([, label]) => label !== 'member');
      const key = pairs.map(([pair]) => pair).sort();
      this.#values.set(`${name}{${key.join(',')}}`, Number(value));
      const base = name!.replace(/_(bucket|sum|count)$/, '');
      this.names.add(histograms.has(base) ? base : name!);
    }
  }

  /**
   * Returns the value of a metric, or NaN when the page does not contain it.
   *
   * @param name without the prefix `mqtt_cluster_`
   * @param labels as `name="value"`, in the alphabetical order of their names, without the label `member`
   */
  value(name: string, labels = ''): number {
    return this.#values.get(`mqtt_cluster_${name}{${labels}}`) ?? NaN;
  }
}
