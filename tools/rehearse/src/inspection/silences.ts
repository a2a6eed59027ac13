import { z } from 'zod';

const silencesSchema = z.array(
  z.object({
    status: z.object({ state: z.string() }),
    comment: z.string(),
    matchers: z.array(z.object({ name: z.string(), value: z.string() })),
  }),
);

/** The hosts that playbooks have stopped. */
interface Stopped {
  /** Addresses of the brokers, which are also the names of the members. */
  readonly brokers: readonly string[];
  /** Addresses of the hosts of clients. */
  readonly clients: readonly string[];
}

/**
 * Returns the first silence that has not ended, or the first matcher that no silence of a stopped host has; or null.
 *
 * @param answer answer of Alertmanager to GET /api/v2/silences
 */
export function missingOrOpenSilence(answer: string, { brokers, clients }: Stopped): string | null {
  const silences = silencesSchema.parse(JSON.parse(answer));
  const open = silences.find(({ status }) => status.state !== 'expired');
  if (open !== undefined) return `the silence "${open.comment}" has not ended`;
  const made = (label: string, host: string): boolean =>
    silences.some(({ matchers }) =>
      matchers.some(({ name, value }) => name === label && new RegExp(`^(${value})$`).test(host)),
    );
  const wanted = [
    ...brokers.map((host) => ['member', host] as const),
    ...[...brokers, ...clients].map((host) => ['instance', `${host}:9100`] as const),
  ];
  const missing = wanted.find(([label, host]) => !made(label, host));
  return missing === undefined ? null : `no silence has the matcher ${missing.join('=')}`;
}
