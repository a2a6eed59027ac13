import type { Me } from '@mqtt-cluster/api';
import type { Role } from '@mqtt-cluster/contracts';
import type { HttpRequest } from '@mqtt-cluster/runtime';
import type { AdminAccess, AdminRequest, Refusal } from '../admin/access/admin-access.ts';
import type { AuditLog } from '../admin/access/audit-log.ts';
import { endedCookie, sessionCookie, sessionIdOf } from './cookie.ts';
import type { Sessions } from './sessions.ts';

/** The parts of a request that the handlers of this file use. */
export type WebRequest = AdminRequest & Pick<HttpRequest, 'isSecure'>;

/** The result of a handler: the value for the body of the answer, or why the request is refused, in one sentence. */
export type WebAnswer<Value> =
  | {
      readonly ok: true;
      readonly value: Value;
      /** Value of the header Set-Cookie of the answer. */
      readonly setCookie?: string;
    }
  | {
      readonly ok: false;
      /** 401: the request has no session, or the credentials are wrong. 429: retry after `retryAfterSeconds`. */
      readonly code: 401 | 403 | 429 | 503;
      readonly reason: string;
      readonly retryAfterSeconds?: number;
    };

export interface SignInOptions {
  readonly access: AdminAccess;
  readonly sessions: Sessions;
  readonly audit: AuditLog;
}

const retryAfterSeconds = 2;

/** Handles the requests to sign in and out. Each sign-in and sign-out has a line in the audit log. */
export class SignIn {
  readonly #options: SignInOptions;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /**
   * Opens a session for a user of the cluster with a role (or the user `admin` with the admin token as password). Over plain
   * HTTP from another host the request is refused without a check, except in a lab. Wrong guesses slow down their network.
   */
  async signIn(
    request: WebRequest,
    { user, password }: { readonly user: string; readonly password: string },
  ): Promise<WebAnswer<{ readonly user: string; readonly role: Role }>> {
    const { access, sessions, audit } = this.#options;
    const { address, isSecure } = request;
    const identified = await access.checkPassword(request, user, Buffer.from(password));
    if (!identified.granted) {
      const isLimited = identified.code === 429;
      audit.onRefusal({ action: 'sign-in', address, reason: identified.reason }, isLimited);
      return answerOf(identified);
    }
    const { actor, subject } = identified;
    // A browser that signs in again gets a new id, and its former session ends (session fixation).
    this.#endSessionOf(request);
    const id = sessions.open({ user, role: actor.role, subject });
    audit.onAct({ way: 'http', action: 'sign-in', actor, address, parameters: {} }, 200);
    return { ok: true, value: { user, role: actor.role }, setCookie: sessionCookie(id, isSecure) };
  }

  /** Ends the session of the request, if it has one, and deletes the cookie. */
  signOut(request: WebRequest): WebAnswer<Record<string, never>> {
    const ended = this.#endSessionOf(request);
    if (ended !== null) {
      const actor = { name: ended.user, role: ended.role };
      const { address } = request;
      this.#options.audit.onAct({ way: 'http', action: 'sign-out', actor, address, parameters: {} }, 200);
    }
    return { ok: true, value: {}, setCookie: endedCookie(request.isSecure) };
  }

  /** Returns the user and the role of a request, or code 401 if the request has no session and its host may do nothing. */
  async me(request: WebRequest): Promise<WebAnswer<Me>> {
    const identified = await this.#options.access.identify(request);
    if (!identified.granted) return answerOf(identified);
    const { actor, user } = identified;
    return {
      ok: true,
      // The server of `npm start` replaces `lab`.
      value: { user, role: actor.role, lab: false, anonymous: actor.name === 'local' && user === null },
    };
  }

  #endSessionOf({ headers, isSecure }: WebRequest): ReturnType<Sessions['end']> {
    const id = sessionIdOf(headers, isSecure);
    return id === null ? null : this.#options.sessions.end(id);
  }
}

function answerOf({ code, reason, isUnauthenticated }: Refusal): WebAnswer<never> {
  const status = isUnauthenticated ? 401 : code;
  return { ok: false, code: status, reason, ...(code === 429 && { retryAfterSeconds }) };
}
