const refusalMetrics = [
  'connection_refusals_total',
  'publish_refusals_total',
  'client_limit_hits_total',
  'dropped_messages_total',
] as const;

/** Ends of connections that are no refusal. */
const ordinaryEnds = ['client', 'network', 'taken_over', 'shutdown'];
/** Refusals by a member that has no majority or starts: the machine is slow, and no memory is short. */
const unrelated = ['isolated', 'not_serving'];

/** What a page of metrics says about refused work: series with a value above zero, by name and label. */
export function refusalsOf(page: string): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const line of page.split('\n')) {
    const [, metric = '', labels = '', value = ''] = /^mqtt_cluster_(\w+)\{(.*)\} (\d+)$/.exec(line) ?? [];
    const label = [...labels.matchAll(/(?:reason|limit)="([^"]+)"/g)].map((match) => match[1]).join(' ');
    if (Number(value) === 0 || unrelated.includes(label)) continue;
    const isRefusal = refusalMetrics.some((each) => each === metric);
    if (isRefusal || (metric === 'disconnects_total' && !ordinaryEnds.includes(label)))
      found[`${metric.replace('_total', '')} ${label}`] = Number(value);
  }
  return found;
}
