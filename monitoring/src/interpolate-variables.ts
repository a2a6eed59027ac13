/** What stands for Grafana's variables where there is no Grafana: everything, and short times. */
const variables: readonly (readonly [RegExp, string])[] = [
  [/\$__rate_interval/g, '6s'],
  [/\$__interval/g, '5s'],
  [/\$__range/g, '5m'],
  [/\$(site|member|client)\b/g, '.*'],
];

/** A dashboard's query as Prometheus takes it. @throws Error when it names a variable that no dashboard has. */
export function substitute(query: string): string {
  const text = variables.reduce((done, [variable, value]) => done.replaceAll(variable, value), query);
  const left = /\$\w+/.exec(text);
  if (left !== null) throw new Error(`unknown variable ${left[0]}: ${query}`);
  return text;
}
