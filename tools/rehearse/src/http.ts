import { runCommand } from '@mqtt-cluster/kit';
import type { z } from 'zod';
import { bedNamespaceOf } from './bed/layout.ts';
import type { TestBedLayout } from './bed/layout.ts';

const requestSecondsMax = 5;
const requestMsMax = 10_000;

/**
 * Sends a GET request from the network of the hosts and decodes the answer. An answer with an HTTP error status is
 * decoded, too.
 * @throws CommandError when no answer arrives
 * @throws ZodError when the answer does not match the schema
 */
export async function getJson<Schema extends z.ZodType>(
  bed: TestBedLayout,
  url: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const curl = ['curl', '--silent', '--show-error', '--max-time', String(requestSecondsMax), url];
  const text = await runCommand('ip', ['netns', 'exec', bedNamespaceOf(bed), ...curl], {
    timeoutMs: requestMsMax,
  });
  return schema.parse(JSON.parse(text));
}
