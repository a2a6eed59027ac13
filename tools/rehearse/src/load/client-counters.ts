import { RehearsalError } from '../errors.ts';

/** What the subscribing application says on /status, as far as it is judged here. */
export interface ClientStatus {
  readonly byQos: readonly {
    readonly received: number;
    readonly missing: number;
    readonly duplicates: number;
  }[];
  readonly violations: readonly string[];
  readonly client: { readonly connected: boolean; readonly connects: number; readonly failovers: number };
}

export interface Mark {
  readonly received: number;
  readonly connects: number;
}

export function markOf({ byQos, client }: ClientStatus): Mark {
  return {
    received: byQos.reduce((sum, { received }) => sum + received, 0),
    connects: client.connects,
  };
}

/**
 * @returns in words what a client lost, got twice or suffered since `before`; empty when nothing
 * `reconnectsMax`: how often it may have had to connect again meanwhile.
 */
export function complaints(
  name: string,
  before: Mark,
  status: ClientStatus,
  reconnectsMax: number,
): string[] {
  const now = markOf(status);
  // An update restarts the deployed client: it counts anew.
  const since = now.received < before.received ? { received: 0, connects: 0 } : before;
  const reconnects = now.connects - since.connects;
  const found = status.violations.map((violation) => `${name}: ${violation}`);
  if (now.received <= since.received) found.push(`${name}: received nothing more`);
  if (reconnects > reconnectsMax) {
    found.push(`${name}: connected ${reconnects} times again, at most ${reconnectsMax} were allowed`);
  }
  return found;
}

/** @throws RehearsalError naming all complaints */
export function assertNone(found: readonly string[]): void {
  if (found.length > 0) throw new RehearsalError(found.join('; '));
}
