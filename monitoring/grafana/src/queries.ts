/** Selectors and query patterns that panels share. Dashboard variables: `$site`, `$member`, `$client`. */

function select(metric: string, chosen: string, more: string): string {
  return `mqtt_cluster_${metric}{${chosen}${more === '' ? '' : `,${more}`}}`;
}

/** Selects a metric of the selected members. @param more additional PromQL matchers. */
export function ofMembers(metric: string, more = ''): string {
  return select(metric, 'site=~"$site",member=~"$member"', more);
}

/** Selects a metric of all members of the selected sites. */
export function ofSite(metric: string, more = ''): string {
  return select(metric, 'site=~"$site"', more);
}

/** Selects a metric of the selected applications. */
export function ofClients(metric: string, more = ''): string {
  return select(metric, 'site=~"$site",client=~"$client"', more);
}

/** Selects the series of a recording rule. */
export function recorded(rule: string, more = ''): string {
  return `${rule}{site=~"$site"${more === '' ? '' : `,${more}`}}`;
}

export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`;
}

export function sumBy(labels: string, expression: string): string {
  return `sum by (${labels}) (${expression})`;
}

/** Returns the increase within the displayed time range. */
export function inRange(selector: string): string {
  return `increase(${selector}[$__range])`;
}

/** @param selector selects the `_bucket` series of a histogram. */
export function quantile(share: number, labels: string, selector: string): string {
  const by = labels === '' ? 'le' : `${labels}, le`;
  return `histogram_quantile(${share}, ${sumBy(by, rate(selector))})`;
}
