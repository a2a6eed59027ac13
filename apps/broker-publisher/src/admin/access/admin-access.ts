import type { Authenticator, Role } from '@mqtt-cluster/contracts';
import type { HttpRequest } from '@mqtt-cluster/runtime';
import type { Authorization } from '../authorization.ts';
import { includesRole, neededRole } from './admin-roles.ts';
import { AttemptLimiter } from './attempt-limiter.ts';

/** Name of the listener in the credentials of HTTP requests. */
export const httpListenerName = '$http';

/** The author of an administrative act. */
export interface Actor {
  /** The name of a user, or `token` or `local` for a request without a user. */
  readonly name: string;
  readonly role: Role;
}

export type AdminDecision = { readonly granted: true; readonly actor: Actor } | Refusal;

interface Refusal {
  readonly granted: false;
  readonly code: 403 | 429 | 503;
  readonly reason: string;
  /** True if the credentials are wrong, so the request may be a guess. */
  readonly isGuess?: true;
}

export interface AdminAccessOptions {
  readonly authorization: Authorization;
  /** Checks the users of the cluster; absent where there are none. */
  readonly authenticator?: Pick<Authenticator, 'authenticate'>;
  /** Whether passwords may cross the network without encryption. */
  readonly lab: boolean;
  readonly now: () => number;
}

/** Decides which requests may administer the cluster: by the admin token, by a user with a role, or from this host. */
export class AdminAccess {
  readonly #options: AdminAccessOptions;
  readonly #attempts: AttemptLimiter;

  constructor(options: AdminAccessOptions) {
    this.#options = options;
    this.#attempts = new AttemptLimiter(options.now);
  }

  async decide(
    request: Pick<HttpRequest, 'headers' | 'isLocal' | 'address' | 'isPrivate' | 'mayBeFromPage'>,
    act: string,
  ): Promise<AdminDecision> {
    const { headers, address } = request;
    const given = headers.authorization ?? '';
    const isBasic = /^Basic /i.test(given);
    if (!isBasic && !/^Bearer /i.test(given)) return this.#withoutCredentials(request);
    // A limited client learns nothing, also not whether its guess is right.
    if (this.#attempts.isLimited(address)) {
      return refuse('too many requests with wrong credentials from this address: wait some seconds', 429);
    }
    const decision = isBasic ? await this.#byUser(request, given, act) : this.#byToken(request);
    if (!decision.granted && decision.isGuess) this.#attempts.onFailure(address);
    return decision;
  }

  #withoutCredentials(request: Pick<HttpRequest, 'headers' | 'isLocal'>): AdminDecision {
    const reason = this.#options.authorization.rejectionReason(request);
    return reason === null ? { granted: true, actor: { name: 'local', role: 'admin' } } : refuse(reason);
  }

  #byToken(request: Pick<HttpRequest, 'headers' | 'isLocal'>): AdminDecision {
    const { authorization } = this.#options;
    // Without a token of the member, the header has no meaning.
    if (!authorization.hasToken) return this.#withoutCredentials(request);
    const reason = authorization.rejectionReason(request);
    return reason === null ? { granted: true, actor: { name: 'token', role: 'admin' } } : wrong(reason);
  }

  async #byUser(
    { address, isPrivate, mayBeFromPage }: Pick<HttpRequest, 'address' | 'isPrivate' | 'mayBeFromPage'>,
    header: string,
    act: string,
  ): Promise<AdminDecision> {
    const { authenticator, lab } = this.#options;
    // A browser adds the password of a user to the requests of any page.
    if (mayBeFromPage) return refuse('a request of a page in a browser may not administer with a password');
    if (!isPrivate && !lab) {
      return refuse(
        'a password over plain HTTP from another host is refused: set http.tls, or use this host',
      );
    }
    const credentials = decodeBasic(header);
    if (credentials === null || authenticator === undefined) return wrong(wrongCredentials);
    const { userName, password } = credentials;
    const result = await authenticator.authenticate({
      client: '',
      address,
      listener: httpListenerName,
      userName,
      password,
    });
    if (!result.accepted) {
      if (result.reason === 'credentials') return wrong(wrongCredentials);
      return refuse('passwords cannot be checked now: try again later', result.reason === 'busy' ? 429 : 503);
    }
    const { role } = result.subject;
    const needed = neededRole(act);
    if (role !== undefined && includesRole(role, needed))
      return { granted: true, actor: { name: userName, role } };
    const held = role === undefined ? 'no role' : `the role ${role}`;
    return refuse(`this needs the role ${needed}, and the user has ${held}`);
  }
}

const wrongCredentials = 'the user name or the password is wrong';

function refuse(reason: string, code: 403 | 429 | 503 = 403): Refusal {
  return { granted: false, code, reason };
}

function wrong(reason: string): Refusal {
  return { ...refuse(reason), isGuess: true };
}

/** Decodes the header of RFC 7617. Returns null if it has another form. */
function decodeBasic(header: string): { readonly userName: string; readonly password: Buffer } | null {
  const bytes = Buffer.from(header.slice('Basic '.length).trim(), 'base64');
  const colon = bytes.indexOf(':');
  if (colon <= 0) return null;
  return { userName: bytes.subarray(0, colon).toString('utf8'), password: bytes.subarray(colon + 1) };
}
