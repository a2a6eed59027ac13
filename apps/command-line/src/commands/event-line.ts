import type { Schemas } from '@mqtt-cluster/api/client';
import { printable } from '../text/printable.ts';
import { time } from '../text/values.ts';

/** Returns an event as one line. */
export function eventLine({ atMs, member, kind, text }: Schemas['Event']): string {
  return printable(`${time(atMs)}  ${member}  ${kind}  ${text}`);
}
