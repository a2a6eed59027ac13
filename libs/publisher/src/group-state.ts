import { groupStateSchema, parseJson } from '@mqtt-cluster/contracts';
import type { GroupState } from '@mqtt-cluster/contracts';

/** The state of a group without an active publisher. It is also the will of the active publisher. */
export const vacantState = JSON.stringify({ active: null } satisfies GroupState);

/** Decodes the state of a group. An empty payload (the retained message was deleted) and an invalid one count as vacant. */
export function parseGroupState(payload: Uint8Array): GroupState {
  return parseJson(groupStateSchema, payload) ?? { active: null };
}
