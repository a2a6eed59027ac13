import type { Schemas } from '@mqtt-cluster/api/client';
import { printable } from '../text/printable.ts';
import { time } from '../text/values.ts';

/** Returns an event as one line. */
export function eventLine({ atMs, member, kind, client, text }: Schemas['Event']): string {
  const subject = client === undefined ? '' : `${client}: `;
  return printable(`${time(atMs)}  ${member}  ${kind}  ${subject}${text}`);
}
