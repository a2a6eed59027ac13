import { z } from 'zod';
import type { Host } from '../bed/host.ts';
import { admin } from './broker-unit.ts';

/** The fields of the command `links --json` that a rehearsal uses. */
const linkSchema = z.object({
  name: z.string(),
  state: z.string(),
  member: z.string().nullable(),
  error: z.string().nullable(),
  dropped: z.record(z.string(), z.int()),
  possibleDuplicates: z.int(),
});
export type LinkState = z.output<typeof linkSchema>;

/** Returns the links that a member reports. */
export async function linksAt(host: Host): Promise<LinkState[]> {
  const text = await admin(host, 'links --json');
  return z.object({ links: z.array(linkSchema) }).parse(JSON.parse(text)).links;
}
