import type { ClientSummary } from '@mqtt-cluster/api';
import type { SessionInfo } from '@mqtt-cluster/contracts';
import type { ConnectionDetails } from '../../queries/index.ts';
import type { HomeSession } from './home-sessions.ts';

/**
 * Returns a client as the API shows it, from the replicated session, the details of its connection and the part of the
 * session at its home. Without an answer of the home, the replicated values remain.
 */
export function clientSummary(
  session: SessionInfo,
  details: ConnectionDetails | undefined,
  home: HomeSession | undefined,
): ClientSummary {
  const { access, connected, expirySeconds } = session;
  return {
    id: session.client,
    connected,
    member: connected ? session.home : null,
    user: details?.user ?? access?.user ?? session.owner,
    protocol: details?.protocol ?? null,
    address: details?.address ?? textOrNull(access?.address),
    listener: details?.listener ?? textOrNull(access?.listener),
    connectedSinceMs: details?.connectedSinceMs ?? null,
    clean: session.clean,
    expirySeconds: Number.isFinite(expirySeconds) ? expirySeconds : null,
    subscriptions: home?.subscriptions ?? session.subscriptions,
    queuedMessages: home?.queuedMessages ?? session.queuedMessages,
    queuedBytes: home?.queuedBytes ?? session.queuedBytes,
    inFlight: home?.inFlight ?? details?.inFlight ?? 0,
    dropped: session.dropped + (home?.dropped ?? 0) + (details?.dropped ?? 0),
  };
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
