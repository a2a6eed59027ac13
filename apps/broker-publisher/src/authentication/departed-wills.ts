import type { ClientId, Epoch, WillOwner } from '@mqtt-cluster/contracts';

/** A client with a revoked certificate whose connection ended while the delay of its will runs. */
interface Departed {
  readonly client: ClientId;
  readonly user: string;
  /** The epoch of the connection that ended. */
  readonly epoch: Epoch;
}

/**
 * Returns a predicate for the wills of these connections. The client may have set another will since then, at another
 * member and with a renewed certificate of the same user. That will has another epoch, and it stays.
 */
export function isWillOf(departed: readonly Departed[]): (owner: WillOwner) => boolean {
  const byClient = new Map(departed.map((each) => [each.client, each]));
  return ({ client, user, source, epoch }) => {
    const gone = byClient.get(client);
    return gone?.user === user && gone.epoch === epoch && source === 'certificate';
  };
}
