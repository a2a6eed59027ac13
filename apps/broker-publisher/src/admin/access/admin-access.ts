import type { AccessSubject, Authenticator, Role } from '@mqtt-cluster/contracts';
import type { HttpRequest } from '@mqtt-cluster/runtime';
import { sessionIdOf } from '../../web/cookie.ts';
import type { Sessions } from '../../web/sessions.ts';
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

export type AdminDecision = Identified | Refusal;

/** The author of a request is known. */
export interface Identified {
  readonly granted: true;
  readonly actor: Actor;
  /** Null for a request without a user: from this host, or with the admin token as bearer token. */
  readonly user: string | null;
  /** The rights of the user for messages; absent without a user: no rule applies. */
  readonly subject?: AccessSubject;
}

/** A user with a role has presented its password. */
export interface IdentifiedUser extends Identified {
  readonly user: string;
  readonly subject: AccessSubject;
}

export interface Refusal {
  readonly granted: false;
  readonly code: 403 | 429 | 503;
  readonly reason: string;
  /** True if valid credentials would change the decision: HTTP status code 401 of the API. */
  readonly isUnauthenticated?: true;
  /** True if the credentials are wrong, so the request may be a guess. */
  readonly isGuess?: true;
}

export interface AdminAccessOptions {
  readonly authorization: Authorization;
  /** Checks the users of the cluster; absent where there are none. */
  readonly authenticator?: Pick<Authenticator, 'authenticate'>;
  /** The sessions of the console; absent: no cookie counts. */
  readonly sessions?: Pick<Sessions, 'find'>;
  /** Whether passwords and the admin token may cross the network without encryption. */
  readonly lab: boolean;
  /** Whether the port serves HTTPS. Then no request of another host needs plain HTTP for the admin token. */
  readonly servesHttps?: boolean;
  readonly now: () => number;
  /** Called when others may have read the right token on its way, also if it is refused, except in a lab. */
  readonly onExposedToken?: (address: string) => void;
}

/** The parts of a request on which the decision depends. */
export type AdminRequest = Pick<
  HttpRequest,
  'headers' | 'isLocal' | 'address' | 'isPrivate' | 'isSecure' | 'mayBeFromPage'
>;

/** Decides which requests may administer the cluster: by the admin token, by a user with a role
 * (password or session), or from this host. */
export class AdminAccess {
  readonly #options: AdminAccessOptions;
  /**
   * The attempts with passwords and with tokens are apart: the check of a password may take seconds, for which a right
   * token must not wait.
   */
  readonly #passwords: AttemptLimiter;
  readonly #tokens: AttemptLimiter;

  constructor(options: AdminAccessOptions) {
    this.#options = options;
    this.#passwords = new AttemptLimiter(options.now);
    this.#tokens = new AttemptLimiter(options.now);
  }

  /**
   * Decides whether the author of a request may do something.
   *
   * @param needed the weakest role that may do it
   */
  async decide(request: AdminRequest, act: string, needed = neededRole(act)): Promise<AdminDecision> {
    const identified = await this.identify(request);
    if (!identified.granted || includesRole(identified.actor.role, needed)) return identified;
    return refuse(`this needs the role ${needed}, and the user has the role ${identified.actor.role}`);
  }

  /** Finds out which user sends a request, or refuses a request of a stranger or of a user without a role. */
  async identify(request: AdminRequest): Promise<AdminDecision> {
    const { headers } = request;
    const given = headers.authorization ?? '';
    const isBasic = /^Basic /i.test(given);
    if (!isBasic && !/^Bearer /i.test(given))
      return this.#bySession(request) ?? this.#withoutCredentials(request);
    return isBasic
      ? this.#limited(this.#passwords, request, () => this.#byUser(request, given))
      : this.#limited(this.#tokens, request, () => this.#byToken(request));
  }

  /**
   * Checks the password of a user that signs in. The bounds of wrong credentials are the same as for requests with a
   * password.
   */
  checkPassword(
    request: Pick<AdminRequest, 'address' | 'isLocal' | 'isPrivate'>,
    userName: string,
    password: Uint8Array,
  ): Promise<IdentifiedUser | Refusal> {
    return this.#limited(this.#passwords, request, () => this.#checkUser(request, userName, password));
  }

  /** A limited client learns nothing, also not whether its guess is right. */
  async #limited<Decision extends AdminDecision>(
    attempts: AttemptLimiter,
    request: Pick<AdminRequest, 'address' | 'isLocal'>,
    decide: () => Promise<Decision | Refusal> | Decision | Refusal,
  ): Promise<Decision | Refusal> {
    const isGuess = (decision: Decision | Refusal): boolean => !decision.granted && decision.isGuess === true;
    const decision = await attempts.check(request, decide, isGuess);
    return (
      decision ?? refuse('too many requests with wrong credentials from this address: wait some seconds', 429)
    );
  }

  #bySession({ headers, isSecure, isPrivate }: AdminRequest): Identified | null {
    // The member opens no session over plain HTTP from another host, so another program presents this one.
    if (!isPrivate && !this.#options.lab) return null;
    const id = sessionIdOf(headers, isSecure);
    const session = id === null ? null : (this.#options.sessions?.find(id) ?? null);
    if (session === null) return null;
    const { user, role, subject } = session;
    return { granted: true, actor: { name: user, role }, user, subject };
  }

  #withoutCredentials(request: Pick<HttpRequest, 'headers' | 'isLocal'>): AdminDecision {
    const reason = this.#options.authorization.rejectionReason(request);
    if (reason === null) return { granted: true, actor: { name: 'local', role: 'admin' }, user: null };
    return { ...refuse(reason), isUnauthenticated: true };
  }

  #byToken(request: Pick<HttpRequest, 'headers' | 'isLocal' | 'isPrivate' | 'address'>): AdminDecision {
    const { authorization, lab, servesHttps = false, onExposedToken } = this.#options;
    // Without a token of the member, the header has no meaning.
    if (!authorization.hasToken) return this.#withoutCredentials(request);
    const reason = authorization.rejectionReason(request);
    const isExposed = !request.isPrivate && !lab;
    if (isExposed && reason === null) onExposedToken?.(request.address);
    // The answer does not depend on the token, so that it shows nobody whether a guess is right.
    if (isExposed && servesHttps)
      return refuse('the admin token over plain HTTP from another host is refused: use HTTPS at this port');
    if (reason !== null) return wrong(reason);
    return { granted: true, actor: { name: 'token', role: 'admin' }, user: null };
  }

  #byUser(request: AdminRequest, header: string): Promise<IdentifiedUser | Refusal> | Refusal {
    // A browser adds the password of a user to the requests of any page.
    if (request.mayBeFromPage) {
      return refuse('a request of a page in a browser may not administer with a password');
    }
    const credentials = decodeBasic(header);
    return this.#checkUser(request, credentials?.userName ?? '', credentials?.password ?? new Uint8Array());
  }

  async #checkUser(
    { address, isPrivate }: Pick<AdminRequest, 'address' | 'isPrivate'>,
    userName: string,
    password: Uint8Array,
  ): Promise<IdentifiedUser | Refusal> {
    const { authenticator, lab } = this.#options;
    if (!isPrivate && !lab) {
      return refuse(
        'a password over plain HTTP from another host is refused: set http.tls, or use this host',
      );
    }
    if (userName === '' || authenticator === undefined) return wrong(wrongCredentials);
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
    const { subject } = result;
    const { role } = subject;
    if (role !== undefined)
      return { granted: true, actor: { name: userName, role }, user: userName, subject };
    return refuse('this needs the role viewer, operator or admin, and the user has no role');
  }
}

const wrongCredentials = 'the user name or the password is wrong';

function refuse(reason: string, code: 403 | 429 | 503 = 403): Refusal {
  return { granted: false, code, reason };
}

function wrong(reason: string): Refusal {
  return { ...refuse(reason), isUnauthenticated: true, isGuess: true };
}

/** Decodes the header of RFC 7617. Returns null if it has another form. */
function decodeBasic(header: string): { readonly userName: string; readonly password: Buffer } | null {
  const bytes = Buffer.from(header.slice('Basic '.length).trim(), 'base64');
  const colon = bytes.indexOf(':');
  if (colon <= 0) return null;
  return { userName: bytes.subarray(0, colon).toString('utf8'), password: bytes.subarray(colon + 1) };
}
