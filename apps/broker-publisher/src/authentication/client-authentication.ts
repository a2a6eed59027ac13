import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  Authentication,
  FailureLimiter,
  HashPool,
  keysOfFile,
  parseKeySet,
  parsePasswordFile,
  RemoteKeys,
  TokenProvider,
} from '@mqtt-cluster/authentication';
import type { ListenerAuthentication, PasswordFile } from '@mqtt-cluster/authentication';
import { isLoopback } from '@mqtt-cluster/contracts';
import type {
  AccessSubject,
  AccessTable,
  AuthenticationResult,
  Authenticator,
  Credentials,
  Logger,
  Role,
} from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { WatchedFiles } from '@mqtt-cluster/runtime';
import { httpListenerName } from '../admin/access/admin-access.ts';
import { includesRole } from '../admin/access/admin-roles.ts';
import { adminUserName } from '../admin/authorization.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners, trustsLoopback } from '../listeners/client-listeners.ts';
import { AdminTokenTransport } from './admin-token-transport.ts';
import { internalListeners } from './internal-listeners.ts';
import { anyAudience, checkProviderSettings } from './provider-settings.ts';

export interface ClientAuthenticationOptions {
  readonly config: ApplianceConfig;
  readonly files: WatchedFiles;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Returns the users of the cluster. */
  readonly table: () => AccessTable;
  /** Returns whether the credentials are those of the admin token. */
  readonly isAdministrator: (userName: string | undefined, password: Uint8Array | undefined) => boolean;
  /** Called when the admin token has arrived where others may have read it. The client is refused. */
  readonly onExposedToken: (client: Pick<Credentials, 'address' | 'listener'>) => void;
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
}

const exposedToken =
  'the admin token at a listener without TLS: use a tls or wss listener, or a loopback address of this host ' +
  '(needs admin.trustLoopback: true and no proxy on this host)';
const notForClients =
  '/mqtt of the HTTP port is for the console and for administrators: sign in to the console, use the admin token, or add a ' +
  'wss listener (mqtt.listeners) for clients';

/** What the server knows of a connection. */
export interface ClientTransport {
  /** Whether it uses TLS. */
  readonly isEncrypted: boolean;
  /** Whether it comes from this host, and not through a proxy. */
  readonly isLocal: boolean;
}

/**
 * The authentication of the clients of this member: the providers with their settings and files, and the threads for
 * password hashes.
 */
export class ClientAuthentication implements Authenticator {
  readonly hashes: HashPool;
  readonly #authentication: Authentication;
  readonly #options: ClientAuthenticationOptions;
  /** User name and password with which each listener accepts the probe of this process. */
  readonly probeCredentials = { userName: '$watchdog', password: randomBytes(24).toString('base64url') };
  readonly #tokenTransport: AdminTokenTransport;
  /**
   * Wrong passwords of the user `admin`. Those of other users do not count: a device that uses `/mqtt` by mistake must not lock
   * out the administrators behind its address.
   */
  readonly #tokenGuesses: FailureLimiter;
  /** Clients with the admin token, programs of this host at `$console`, the probe and the publisher of this process. */
  readonly #internal = new WeakSet<AccessSubject>();
  readonly #passwordFile: AuthenticationFiles['passwordFile'];

  private constructor(options: ClientAuthenticationOptions, files: AuthenticationFiles) {
    const { config, logger, metrics, table, now = () => performance.now() } = options;
    this.#options = options;
    this.#passwordFile = files.passwordFile;
    this.#tokenTransport = new AdminTokenTransport(config);
    this.#tokenGuesses = new FailureLimiter(now);
    this.hashes = new HashPool({ logger, metrics });
    this.#authentication = new Authentication({
      listeners: new Map([
        ...clientListeners(config).map(
          ({ name, authentication, anonymous }): [string, ListenerAuthentication] => [
            name,
            { providers: authentication, anonymous },
          ],
        ),
        // Only users of the cluster have roles for administration by HTTP.
        [httpListenerName, { providers: ['cluster'], anonymous: false }],
      ]),
      table,
      certificateUser: config.mqtt.certificateUser,
      hashes: this.hashes,
      logger,
      metrics,
      ...(files.passwordFile && { passwordFile: () => files.passwordFile!.current }),
      ...(files.tokens && { tokens: files.tokens }),
    });
  }

  /** @throws ConfigError a provider lacks a setting, or a file is invalid; the message names the file and the line */
  static async open(options: ClientAuthenticationOptions): Promise<ClientAuthentication> {
    return new ClientAuthentication(options, await openFiles(options));
  }

  /**
   * Accepts the probe of this process on each listener, clients with the admin token where it is not exposed, and the
   * publisher of this process on its connections inside the process: they are no users of a provider. All other clients are
   * left to the providers of their listener. `$console` has no providers: it admits only administrators. An address with too
   * many wrong passwords of the user `admin` learns nothing more about the admin token: it is compared no longer.
   *
   * @param transport what is known of the connection, whatever its listener
   */
  async authenticate(
    credentials: Credentials,
    { isEncrypted, isLocal }: ClientTransport = { isEncrypted: false, isLocal: false },
  ): Promise<AuthenticationResult> {
    const { address, listener, userName, password } = credentials;
    if (listener === internalListeners.publisher)
      return this.#acceptUser(credentials, internalListeners.publisher);
    const isThisHost = isLocal && isLoopback(address) && trustsLoopback(this.#options.config);
    const isLimited =
      mayBeGuess(credentials) && !isThisHost && this.#tokenGuesses.isLimited(address, adminUserName);
    if (!isLimited && this.#options.isAdministrator(userName, password)) {
      if (this.#tokenTransport.permits(credentials, isEncrypted))
        return this.#acceptUser(credentials, userName!, 'admin');
      this.#options.onExposedToken({ address, listener });
      return this.#authentication.refuse(credentials, 'credentials', exposedToken);
    }
    if (this.#isProbe(userName, password)) return this.#acceptUser(credentials, userName!);
    // A password that was compared with nothing is no guess. Otherwise a client that tries again would never be let in.
    const isGuess = !isLimited && mayBeGuess(credentials);
    // The guess counts before its providers have answered, so that guesses that arrive together are not all compared.
    if (isGuess) this.#tokenGuesses.onFailure(address, adminUserName);
    const result = await this.#byProviders(credentials, isLimited);
    const isKnown = result.accepted && result.subject.identity.source !== 'anonymous';
    if (isGuess && isKnown) this.#tokenGuesses.withdraw(address, adminUserName);
    return result;
  }

  async #byProviders(credentials: Credentials, isLimited: boolean): Promise<AuthenticationResult> {
    if (credentials.listener !== internalListeners.console)
      return this.#authentication.authenticate(credentials);
    return isLimited
      ? this.#authentication.refuse(credentials, 'limited')
      : this.#authentication.refuse(credentials, 'credentials', notForClients);
  }

  /**
   * Accepts a program of this host without a user, which may administer this member. No rule applies to it, as to its
   * requests to the API.
   */
  acceptLocal({ client, address, listener }: Credentials): AuthenticationResult {
    return this.#acceptInternal({
      identity: { source: 'anonymous', groups: [], client, address, listener },
    });
  }

  /**
   * The user is none of the cluster: the replicated state refuses the sessions and discards the wills of users of the
   * cluster that it does not have.
   */
  #acceptUser({ client, address, listener }: Credentials, user: string, role?: Role): AuthenticationResult {
    const identity = { source: 'passwordFile', user, groups: [], client, address, listener } as const;
    return this.#acceptInternal({ identity, ...(role && { role }) });
  }

  #acceptInternal(subject: AccessSubject): AuthenticationResult {
    this.#internal.add(subject);
    return { accepted: true, subject };
  }

  /** Returns whether no rule applies to the client: it is an administrator without a user, the probe or the publisher. */
  isInternal(subject: AccessSubject): boolean {
    return this.#internal.has(subject);
  }

  /**
   * Returns whether the client may stay connected: see {@link Authentication.isCurrent}. A user of the cluster that lost
   * its role, or has a weaker one, must connect again.
   */
  isCurrent(subject: AccessSubject): boolean {
    return this.isInternal(subject) || (this.#authentication.isCurrent(subject) && this.#hasRole(subject));
  }

  /**
   * Returns whether a user may keep its session of the console: it is still current, and has the role of the sign-in.
   */
  keepsRole(subject: AccessSubject): boolean {
    const { source, user } = subject.identity;
    if (this.isInternal(subject)) return true;
    const held = source === 'cluster' ? this.#options.table().users.get(user ?? '')?.role : subject.role;
    return held === subject.role && this.isCurrent(subject);
  }

  /** Returns the rights of an accepted client for another connection of the same user. */
  subjectFor(
    subject: AccessSubject,
    connection: Pick<Credentials, 'client' | 'address' | 'listener'>,
  ): AccessSubject {
    const other = this.#authentication.subjectFor(subject, connection);
    if (this.isInternal(subject)) this.#internal.add(other);
    return other;
  }

  #hasRole({ identity: { source, user }, role }: AccessSubject): boolean {
    if (role === undefined || source !== 'cluster' || user === undefined) return true;
    const held = this.#options.table().users.get(user)?.role;
    return held !== undefined && includesRole(held, role);
  }

  /** Calls the listener when users outside the replicated state have changed, so {@link isCurrent} may change. */
  onChange(listener: () => void): void {
    this.#passwordFile?.onChange(listener);
  }

  /**
   * Calls the listener after each change of the password file with the users that are no longer in it, or have another
   * password.
   */
  onUsersLost(listener: (names: ReadonlySet<string>) => void): void {
    let former = this.#passwordFile?.current;
    this.#passwordFile?.onChange((current) => {
      const lost = lostUsers(former ?? current, current);
      former = current;
      if (lost.size > 0) listener(lost);
    });
  }

  #isProbe(userName: string | undefined, password: Uint8Array | undefined): boolean {
    const expected = Buffer.from(this.probeCredentials.password);
    if (userName !== this.probeCredentials.userName || password?.length !== expected.length) return false;
    return timingSafeEqual(password, expected);
  }

  async stop(): Promise<void> {
    this.#authentication.stop();
    await this.hashes.stop();
  }
}

/** Checks the settings and files of the providers, without starting anything. @throws ConfigError */
export async function checkAuthentication(
  options: Pick<ClientAuthenticationOptions, 'config' | 'files' | 'logger'>,
): Promise<void> {
  await openFiles(options);
}

/** Returns whether the password may be the admin token. The HTTP server limits the guesses at `$http` itself. */
function mayBeGuess({ listener, userName, password }: Credentials): boolean {
  return listener !== httpListenerName && userName === adminUserName && password !== undefined;
}

interface AuthenticationFiles {
  readonly passwordFile: {
    readonly current: PasswordFile;
    onChange(listener: (current: PasswordFile) => void): () => void;
  } | null;
  readonly tokens: TokenProvider | null;
}

async function openFiles({
  config,
  files,
  logger,
}: Pick<ClientAuthenticationOptions, 'config' | 'files' | 'logger'>): Promise<AuthenticationFiles> {
  checkProviderSettings(config);
  const used = new Set(clientListeners(config).flatMap(({ authentication }) => authentication));
  const path = config.mqtt.passwordFile;
  const passwordFile = used.has('passwordFile')
    ? await files.watch({
        setting: 'mqtt.passwordFile',
        paths: [path],
        parse: ([file]) => parsePasswordFile(file!.bytes),
      })
    : null;
  const tokens = used.has('jwt') ? await openTokens(config, files, logger) : null;
  return { passwordFile, tokens };
}

async function openTokens(
  config: ApplianceConfig,
  files: WatchedFiles,
  logger: Logger,
): Promise<TokenProvider> {
  const { keysFile, keysUrl, issuer, audience, groupsClaim, rulesClaim, roleClaim, ...jwt } = config.mqtt.jwt;
  const keys =
    keysFile === ''
      ? new RemoteKeys({ url: keysUrl, logger })
      : await files
          .watch({
            setting: 'mqtt.jwt.keysFile',
            paths: [keysFile],
            parse: ([file]) => parseKeySet(file!.bytes),
          })
          .then((file) => keysOfFile(() => file.current));
  return new TokenProvider({
    keys,
    algorithms: jwt.algorithms,
    clockToleranceSeconds: jwt.clockToleranceSeconds,
    matchUserName: jwt.matchUserName,
    ...(issuer !== '' && { issuer }),
    ...(audience !== anyAudience && { audience }),
    claims: {
      user: jwt.userClaim,
      ...(groupsClaim !== '' && { groups: groupsClaim }),
      ...(rulesClaim !== '' && { rules: rulesClaim }),
      ...(roleClaim !== '' && { role: roleClaim }),
    },
  });
}

function lostUsers(former: PasswordFile, current: PasswordFile): ReadonlySet<string> {
  const lost = new Set<string>();
  for (const [name, { hashText }] of former) if (current.get(name)?.hashText !== hashText) lost.add(name);
  return lost;
}
