import { ClusterError } from '@mqtt-cluster/contracts';
import type { RefusalReason } from '@mqtt-cluster/contracts';

/** A change of the state that a request wanted is refused, or its result is unknown. The message is one sentence. */
export class StateChangeError extends ClusterError {
  /** True when the same request may succeed later. */
  readonly later: boolean;
  /** Why the member refused or closed the connection of the change, if it did. */
  readonly refusal: RefusalReason | null;

  constructor(
    message: string,
    { later, refusal = null }: { later: boolean; refusal?: RefusalReason | null },
  ) {
    super('STATE_CHANGE', message);
    this.later = later;
    this.refusal = refusal;
  }
}

const sentences: Partial<Record<RefusalReason, string>> = {
  notServing: 'this member does not serve yet: repeat the request later or at another member',
  isolated: 'this member has no majority: the state can change only with a majority',
  draining: 'this member is draining: send the request to another member',
  quotaExceeded:
    'the cluster has no room for the change: a bound on sessions or on waiting messages is reached',
  takenOver:
    'the client has connected again during the change: disconnect the client, then repeat the request',
  notAuthorized: 'the user of the request was deleted or disabled',
};

/** Returns the error for a connection that the member has refused or closed. */
export function refused(refusal: RefusalReason): StateChangeError {
  const message =
    sentences[refusal] ?? 'the member ended the change: read the state again, then repeat the request';
  return new StateChangeError(message, { later: refusal !== 'notAuthorized', refusal });
}
