import { isReservedUserName } from '@mqtt-cluster/contracts';
import type {
  AccessSubject,
  AccessTable,
  AuthenticationResult,
  Authenticator,
  ClientCertificate,
  Credentials,
  Logger,
} from '@mqtt-cluster/contracts';
import { authenticationMetrics, noMetrics } from '@mqtt-cluster/metric-catalogue';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import { Decoys } from './chain/decoys.ts';
import { FailureLimiter } from './chain/failure-limiter.ts';
import { ClusterUsers, FileUsers } from './chain/password-users.ts';
import type { PasswordUser, PasswordUsers } from './chain/password-users.ts';
import type {
  AcceptedAnswer,
  ListenerAuthentication,
  ProviderAnswer,
  ProviderName,
} from './chain/provider.ts';
import { RefusalLog } from './chain/refusal-log.ts';
import type { HashPool } from './hashing/hash-pool.ts';
import { SuccessCache } from './hashing/success-cache.ts';
import type { TokenProvider } from './jwt/token-provider.ts';
import type { PasswordFile } from './password-file/password-file.ts';
import { isUserName } from './user-name.ts';

/** Longer passwords are refused without a hash, except tokens. */
export const passwordBytesMax = 1_024;

export interface AuthenticationOptions {
  /** The listeners by their names. */
  readonly listeners: ReadonlyMap<string, ListenerAuthentication>;
  /** Returns the users of the cluster. */
  readonly table: () => AccessTable;
  /** Returns the users of the password file. Required if a listener has the provider `passwordFile`. */
  readonly passwordFile?: () => PasswordFile;
  /** The part of a certificate that is the user name: Common Name, or the first Subject Alternative Name. */
  readonly certificateUser: 'cn' | 'san';
  /** Required if a listener has the provider `jwt`. */
  readonly tokens?: TokenProvider;
  readonly hashes: Pick<HashPool, 'verify'>;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

/** The provider that decided, and its answer. */
interface Decision {
  readonly provider: ProviderName | 'anonymous' | 'none';
  readonly answer: Exclude<ProviderAnswer, { kind: 'unknown' }> | { readonly kind: 'limited' };
}

/**
 * Authenticates the clients of all listeners. The providers of a listener are asked in their order. The first provider
 * that knows the client decides; a wrong password ends the chain.
 */
export class Authentication implements Authenticator {
  readonly #options: AuthenticationOptions;
  readonly #metrics: Metrics;
  readonly #users: Readonly<Partial<Record<ProviderName, PasswordUsers>>>;
  readonly #decoys = new Map<string, Decoys>();
  readonly #successes = new SuccessCache();
  /** The hash that the password of each client with a password matched. */
  readonly #hashTexts = new WeakMap<AccessSubject, string>();
  readonly #failures: FailureLimiter;
  readonly #refusals: RefusalLog;

  constructor(options: AuthenticationOptions) {
    const { listeners, table, passwordFile, logger, now = () => performance.now() } = options;
    this.#options = options;
    this.#metrics = options.metrics ?? noMetrics;
    this.#users = {
      cluster: new ClusterUsers(table, logger),
      ...(passwordFile && { passwordFile: new FileUsers(passwordFile) }),
    };
    for (const [name, { providers }] of listeners) {
      const sources = providers.flatMap((provider) => this.#users[provider] ?? []);
      this.#decoys.set(name, new Decoys(sources, now));
    }
    this.#failures = new FailureLimiter(now);
    this.#refusals = new RefusalLog(logger);
  }

  async authenticate(given: Credentials): Promise<AuthenticationResult> {
    // The password buffer is valid during the call only.
    const credentials = { ...given, ...(given.password && { password: Buffer.from(given.password) }) };
    let decision: Decision;
    try {
      decision = await this.#decide(credentials);
    } catch (error) {
      const fields = { listener: given.listener, error: String(error) };
      this.#options.logger.error(fields, 'An authentication failed with an error');
      decision = { provider: 'none', answer: { kind: 'unavailable', reason: 'an internal error' } };
    }
    const { provider, answer } = decision;
    const result = answer.kind === 'refused' ? 'credentials' : answer.kind;
    this.#metrics.add(authenticationMetrics.authentications, [provider, result]);
    if (answer.kind === 'accepted') {
      const subject = subjectOf(credentials, answer);
      if (answer.hashText !== undefined) this.#hashTexts.set(subject, answer.hashText);
      return { accepted: true, subject };
    }
    // A signature cannot be guessed, so only passwords count.
    if (answer.kind === 'refused' && provider !== 'jwt') {
      this.#failures.onFailure(given.address, given.userName ?? '');
    }
    this.#refusals.add(given, 'reason' in answer ? answer.reason : reasons[answer.kind]);
    if (answer.kind === 'refused') return { accepted: false, reason: 'credentials' };
    return { accepted: false, reason: answer.kind === 'unavailable' ? 'unavailable' : 'busy' };
  }

  /**
   * Refuses a client that no provider may check, and counts and logs it. It does not count for the bounds of its address.
   */
  refuse(given: Credentials, result: 'credentials', reason: string): AuthenticationResult;
  refuse(given: Credentials, result: 'limited'): AuthenticationResult;
  refuse(given: Credentials, result: 'credentials' | 'limited', reason?: string): AuthenticationResult {
    this.#metrics.add(authenticationMetrics.authentications, ['none', result]);
    this.#refusals.add(given, reason ?? reasons.limited);
    return { accepted: false, reason: result === 'limited' ? 'busy' : 'credentials' };
  }

  /**
   * Returns whether an accepted client may stay connected: its user is not disabled, and the user still exists with the
   * same password if the client was accepted by one.
   */
  isCurrent(subject: AccessSubject): boolean {
    const { source, user } = subject.identity;
    if (user === undefined || source === 'anonymous') return true;
    if (this.#isDisabled(user)) return false;
    const users = this.#users[source];
    return users === undefined || users.find(user)?.hashText === this.#hashTexts.get(subject);
  }

  /**
   * Returns the rights of an accepted client for another connection of the same user. {@link isCurrent} holds for both
   * alike.
   */
  subjectFor(
    subject: AccessSubject,
    connection: Pick<Credentials, 'client' | 'address' | 'listener'>,
  ): AccessSubject {
    const other = { ...subject, identity: { ...subject.identity, ...connection } };
    const hashText = this.#hashTexts.get(subject);
    if (hashText !== undefined) this.#hashTexts.set(other, hashText);
    return other;
  }

  stop(): void {
    this.#refusals.stop();
  }

  async #decide(credentials: Credentials): Promise<Decision> {
    const listener = this.#options.listeners.get(credentials.listener);
    if (listener === undefined) throw new Error(`there is no listener "${credentials.listener}"`);
    for (const provider of listener.providers) {
      const answer = await this.#ask(provider, credentials);
      if (answer.kind !== 'unknown') return { provider, answer: this.#unlessBarred(answer) };
    }
    const { userName, password } = credentials;
    const presentsNothing = userName === undefined && password === undefined;
    // A listener without providers checks nobody, so it ignores user name and password.
    if (presentsNothing || listener.providers.length === 0) {
      if (!listener.anonymous) return refused('none', 'the client presents no credentials');
      return { provider: 'anonymous', answer: { kind: 'accepted', source: 'anonymous', groups: [] } };
    }
    const checksPasswords = listener.providers.some((provider) => this.#users[provider] !== undefined);
    if (!checksPasswords || userName === undefined) return refused('none', 'no provider knows the user');
    return { provider: 'none', answer: await this.#checkPassword(credentials, userName, null) };
  }

  async #ask(
    provider: ProviderName,
    credentials: Credentials,
  ): Promise<ProviderAnswer | { kind: 'limited' }> {
    const { userName, password, address } = credentials;
    switch (provider) {
      case 'certificate':
        return this.#byCertificate(credentials);
      case 'jwt': {
        const { tokens } = this.#options;
        if (tokens === undefined || password === undefined || !tokens.isToken(password))
          return { kind: 'unknown' };
        return tokens.authenticate(address, userName, password);
      }
      default: {
        if (userName === undefined) return { kind: 'unknown' };
        const user = this.#users[provider]?.find(userName);
        return user === undefined
          ? { kind: 'unknown' }
          : this.#checkPassword(credentials, userName, { provider, user });
      }
    }
  }

  /**
   * Accepts a client by its certificate. A client that presents another user name than that of its certificate is left
   * to the next provider.
   */
  #byCertificate({ certificate, userName }: Credentials): ProviderAnswer {
    const user = certificate && userOfCertificate(certificate, this.#options.certificateUser);
    if (user === undefined || (userName !== undefined && userName !== user)) return { kind: 'unknown' };
    return { kind: 'accepted', source: 'certificate', user, groups: [] };
  }

  /** @param known null for an unknown user, which is refused after the same work as a known user */
  async #checkPassword(
    { address, password, listener }: Credentials,
    userName: string,
    known: { readonly provider: ProviderName; readonly user: PasswordUser } | null,
  ): Promise<Exclude<ProviderAnswer, { kind: 'unknown' }> | { kind: 'limited' }> {
    const wrong = { kind: 'refused', reason: 'the user name or the password is wrong' } as const;
    if (password === undefined || password.length > passwordBytesMax) return wrong;
    const hash = known?.user.hash ?? null;
    if (known !== null && hash !== null && this.#successes.has(userName, known.user.hashText, password)) {
      this.#metrics.add(authenticationMetrics.cacheHits, []);
      return accepted(known, userName);
    }
    if (this.#failures.isLimited(address, userName)) return { kind: 'limited' };
    const hashes = this.#decoys.get(listener)!.hashesFor(hash);
    const hasFailed = this.#failures.hasFailed(address);
    const verdict = await this.#options.hashes.verify(address, password, hashes, hasFailed);
    if (verdict === 'busy') return { kind: 'busy' };
    if (verdict === 'unavailable') return { kind: 'unavailable', reason: 'no hash could be computed' };
    if (verdict === 'differs' || known === null || hash === null) return wrong;
    // The user may have been changed or disabled while the hash was computed.
    const now = this.#users[known.provider]?.find(userName);
    if (now === undefined || now.hash === null || now.hashText !== known.user.hashText) return wrong;
    this.#successes.add(userName, now.hashText, password);
    return accepted({ provider: known.provider, user: now }, userName);
  }

  /** Refuses a user that is disabled in the cluster or has the name of a link's owner, whichever provider accepted it. */
  #unlessBarred(answer: Decision['answer']): Decision['answer'] {
    if (answer.kind !== 'accepted' || answer.user === undefined) return answer;
    if (isReservedUserName(answer.user))
      return { kind: 'refused', reason: 'the user name is reserved for links' };
    return this.#isDisabled(answer.user) ? { kind: 'refused', reason: 'the user is disabled' } : answer;
  }

  #isDisabled(user: string): boolean {
    return this.#options.table().users.get(user)?.disabled === true;
  }
}

const reasons = {
  busy: 'too many logins wait for a check',
  limited: 'too many logins from this address have failed',
} as const;

function refused(provider: Decision['provider'], reason: string): Decision {
  return { provider, answer: { kind: 'refused', reason } };
}

function accepted(
  { provider, user }: { readonly provider: ProviderName; readonly user: PasswordUser },
  userName: string,
): AcceptedAnswer {
  const role = user.role === undefined ? {} : { role: user.role };
  return {
    kind: 'accepted',
    source: provider,
    user: userName,
    groups: [],
    hashText: user.hashText,
    ...role,
  };
}

function subjectOf(
  { client, address, listener }: Credentials,
  { source, user, groups, rules, role, expiresAtMs }: AcceptedAnswer,
): AccessSubject {
  return {
    identity: { source, ...(user !== undefined && { user }), groups, client, address, listener },
    ...(rules !== undefined && { rules }),
    ...(role !== undefined && { role }),
    ...(expiresAtMs !== undefined && { expiresAtMs }),
  };
}

function userOfCertificate(
  { commonName, alternativeNames }: ClientCertificate,
  part: 'cn' | 'san',
): string | undefined {
  const name = part === 'cn' ? commonName : alternativeNames[0];
  return name !== undefined && isUserName(name) ? name : undefined;
}
