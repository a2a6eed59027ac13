/** What stands, retained, on `groups/<group>/state`. */
export interface GroupState {
  /** Instance name of the active publisher; null when the place is vacant. */
  readonly active: string | null;
  /** Wall-clock milliseconds, to look at. */
  readonly since?: number;
}

/** Also the will: so the place is vacant when the active one is lost. */
export const vacantState = JSON.stringify({ active: null } satisfies GroupState);

/** An empty payload (the retained message was deleted), or one that is no state, counts as vacant. */
export function parseGroupState(payload: Uint8Array): GroupState {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    const active = typeof value === 'object' && value !== null && 'active' in value ? value.active : null;
    return { active: typeof active === 'string' ? active : null };
  } catch {
    return { active: null };
  }
}
