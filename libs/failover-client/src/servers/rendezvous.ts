import { createHash } from 'node:crypto';

/** Bytes of the digest that are used as the weight. A JavaScript number represents up to 6 bytes exactly. */
const weightBytes = 6;

/**
 * The weight of a server for a client, by rendezvous hashing (Thaler & Ravishankar, 1996). Each client has its own
 * order of all servers. Clients are spread evenly, and the clients of a lost server spread evenly over the others.
 */
function rendezvousWeight(clientId: string, serverId: string): number {
  const digest = createHash('sha256')
    .update(JSON.stringify([clientId, serverId]))
    .digest();
  return digest.readUIntBE(0, weightBytes);
}

/** Returns the servers in the order in which a client prefers them: the highest weight first. */
export function rendezvousOrder(clientId: string, serverIds: readonly string[]): string[] {
  return serverIds
    .map((id) => ({ id, weight: rendezvousWeight(clientId, id) }))
    .sort((a, b) => b.weight - a.weight || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id);
}
