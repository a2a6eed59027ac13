/** Selectors and the few shapes of query that panels share. Variables: `$site`, `$member`, `$client`. */

function select(metric: string, chosen: string, more: string): string {
  return `mqtt_cluster_${metric}{${chosen}${more === '' ? '' : `,${more}`}}`;
}

/** Of the chosen members. @param more further matchers, as in PromQL. */
export function ofMembers(metric: string, more = ''): string {
  return select(metric, 'site=~"$site",member=~"$member"', more);
}

/** Of the whole site, whatever members are chosen. */
export function ofSite(metric: string, more = ''): string {
  return select(metric, 'site=~"$site"', more);
}

export function ofClients(metric: string, more = ''): string {
  return select(metric, 'site=~"$site",client=~"$client"', more);
}

/** A recording rule's series. */
export function recorded(rule: string, more = ''): string {
  return `${rule}{site=~"$site"${more === '' ? '' : `,${more}`}}`;
}

export function rate(selector: string): string {
  return `rate(${selector}[$__rate_interval])`;
}

export function sumBy(labels: string, expression: string): string {
  return `sum by (${labels}) (${expression})`;
}

/** How often it happened in the time the dashboard shows. */
export function inRange(selector: string): string {
  return `increase(${selector}[$__range])`;
}

/** @param selector of the histogram's `_bucket` series. */
export function quantile(share: number, labels: string, selector: string): string {
  const by = labels === '' ? 'le' : `${labels}, le`;
  return `histogram_quantile(${share}, ${sumBy(by, rate(selector))})`;
}
