import { createHash } from 'node:crypto';

/** Bytes of the digest that make the weight: as many as a number holds exactly. */
const weightBytes = 6;

/**
 * Weight of a server for a client: rendezvous hashing (Thaler & Ravishankar 1996). Each client has its own
 * order of all servers; clients spread evenly, and those of a lost server spread evenly over the rest.
 */
export function rendezvousWeight(clientId: string, serverId: string): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([clientId, serverId]))
    .digest();
  return digest.readUIntBE(0, weightBytes);
}

/** Highest weight first. */
export function rendezvousOrder(clientId: string, serverIds: readonly string[]): string[] {
  return serverIds
    .map((id) => ({ id, weight: rendezvousWeight(clientId, id) }))
    .sort((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}
