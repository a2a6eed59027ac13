/** Values of Grafana's variables in a query without Grafana: all labels, and short times. */
const variables: readonly (readonly [RegExp, string])[] = [
  [/\$__rate_interval/g, '6s'],
  [/\$__interval/g, '5s'],
  [/\$__range/g, '5m'],
  [/\$(site|member|client)\b/g, '.*'],
];

/**
 * Replaces the Grafana variables of a query, so that Prometheus accepts the query.
 * @throws Error when the query has a variable that no dashboard defines.
 */
export function interpolateVariables(query: string): string {
  const text = variables.reduce((done, [variable, value]) => done.replaceAll(variable, value), query);
  const left = /\$\w+/.exec(text);
  if (left !== null) throw new Error(`unknown variable ${left[0]}: ${query}`);
  return text;
}
