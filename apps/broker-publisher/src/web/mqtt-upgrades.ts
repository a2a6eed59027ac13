import type { Authenticator } from '@mqtt-cluster/contracts';
import type { Broker } from '@mqtt-cluster/broker';
import type { HttpUpgrade } from '@mqtt-cluster/runtime';
import { TLSSocket } from 'node:tls';
import type { Authorization } from '../admin/authorization.ts';
import { internalListeners } from '../authentication/internal-listeners.ts';
import type { ClientAuthentication, ClientTransport } from '../authentication/client-authentication.ts';
import { sessionIdOf } from './cookie.ts';
import type { Sessions, WebSession } from './sessions.ts';

/** Path of the WebSocket on the HTTP port. */
const mqttPath = '/mqtt';

export interface MqttUpgradesOptions {
  readonly sessions: Sessions;
  readonly authentication: Pick<ClientAuthentication, 'authenticate' | 'acceptLocal' | 'subjectFor'>;
  readonly authorization: Pick<Authorization, 'trusts'>;
  /** Null until the broker has started. */
  readonly broker: () => Pick<Broker, 'upgrade'> | null;
  /** Whether passwords may cross the network without encryption. */
  readonly lab: boolean;
}

/**
 * Handles the WebSocket at `/mqtt` on the HTTP port: a connection to this member's broker, as at a listener with the name
 * `$console`. It is for the console, so it admits only clients that may use the API as well, whatever the listeners admit:
 *
 * - with a session, as the user of the session, whatever CONNECT states; the connection ends with the session;
 * - without a session and without credentials, a program of this host, if the member needs no token;
 * - a client with the admin token in CONNECT.
 *
 * The bounds of the broker hold for the connection.
 */
export class MqttUpgrades {
  readonly #options: MqttUpgradesOptions;

  constructor(options: MqttUpgradesOptions) {
    this.#options = options;
  }

  /** Handles an upgrade that the guard of the server has accepted, so its page, if any, is one of this server. */
  handle(upgrade: HttpUpgrade): void {
    const { request, socket, head, path, address, isLocal, isPrivate } = upgrade;
    const { refuse, release, onRevoked } = upgrade;
    if (path !== mqttPath)
      return refuse({ code: 404, body: { error: `only ${mqttPath} serves a WebSocket` } });
    const { sessions, broker, authorization, lab } = this.#options;
    const isSecure = socket instanceof TLSSocket;
    const id = sessionIdOf(request.headers, isSecure);
    const session = id === null ? null : sessions.find(id);
    if (!isPrivate && !lab) {
      const error = 'MQTT over plain HTTP from another host is refused: set http.tls, or use this host';
      return refuse({ code: 403, body: { error } });
    }
    const started = broker();
    if (started === null) return refuse({ code: 503, body: { error: 'the broker has not started yet' } });
    release();
    const revoke = started.upgrade(request, socket, head, {
      address,
      listener: internalListeners.console,
      kind: isSecure ? 'wss' : 'ws',
      authenticator: session
        ? this.#authenticatorOf(session)
        : this.#authenticatorWithoutSession(authorization.trusts({ isLocal }), {
            isEncrypted: isSecure,
            isLocal,
          }),
    });
    onRevoked(revoke);
    if (session !== null)
      socket.once(
        'close',
        sessions.onEnd(session, () => socket.destroy()),
      );
  }

  #authenticatorOf(session: WebSession): Authenticator {
    const { authentication } = this.#options;
    return {
      authenticate: ({ client, address, listener }) =>
        Promise.resolve({
          accepted: true,
          subject: authentication.subjectFor(session.subject, { client, address, listener }),
        }),
    };
  }

  #authenticatorWithoutSession(isTrusted: boolean, transport: ClientTransport): Authenticator {
    const { authentication } = this.#options;
    return {
      authenticate: async (credentials) => {
        // Wrong credentials are refused from this host, too.
        const presentsNothing = credentials.userName === undefined && credentials.password === undefined;
        return isTrusted && presentsNothing
          ? authentication.acceptLocal(credentials)
          : authentication.authenticate(credentials, transport);
      },
    };
  }
}
