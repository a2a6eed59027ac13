import { randomBytes, timingSafeEqual } from 'node:crypto';
import {
  Authentication,
  HashPool,
  keysOfFile,
  parseKeySet,
  parsePasswordFile,
  RemoteKeys,
  TokenProvider,
} from '@mqtt-cluster/authentication';
import type { ListenerAuthentication, PasswordFile } from '@mqtt-cluster/authentication';
import type {
  AccessSubject,
  AccessTable,
  AuthenticationResult,
  Authenticator,
  Credentials,
  Logger,
} from '@mqtt-cluster/contracts';
import type { Metrics } from '@mqtt-cluster/metric-catalogue';
import type { WatchedFiles } from '@mqtt-cluster/runtime';
import { httpListenerName } from '../admin/access/admin-access.ts';
import { includesRole } from '../admin/access/admin-roles.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from '../listeners/client-listeners.ts';
import type { ClientListener } from '../listeners/client-listeners.ts';
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
  /** Clients with the admin token, the probe and the publisher of this process. */
  readonly #internal = new WeakSet<AccessSubject>();
  readonly #passwordFile: { onChange(listener: () => void): () => void } | null;

  private constructor(options: ClientAuthenticationOptions, files: AuthenticationFiles) {
    const { config, logger, metrics, table } = options;
    this.#options = options;
    this.#passwordFile = files.passwordFile;
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
        [internalListeners.console, consoleAuthentication(clientListeners(config))],
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
   * Accepts the probe of this process and clients with the admin token on each listener, and the publisher of this process
   * on its connections inside the process: they are no users of a provider. All other clients are left to the providers of
   * their listener.
   */
  async authenticate(credentials: Credentials): Promise<AuthenticationResult> {
    const { client, address, listener, userName, password } = credentials;
    if (listener === internalListeners.publisher) return this.#acceptPublisher(credentials);
    const isAdministrator = this.#options.isAdministrator(userName, password);
    if (!isAdministrator && !this.#isProbe(userName, password)) {
      return this.#authentication.authenticate(credentials);
    }
    // No user of the cluster: the replicated state refuses a session of a user of the cluster that it does not have.
    const identity = {
      source: 'passwordFile',
      user: userName!,
      groups: [],
      client,
      address,
      listener,
    } as const;
    const subject: AccessSubject = { identity, ...(isAdministrator && { role: 'admin' }) };
    this.#internal.add(subject);
    return { accepted: true, subject };
  }

  #acceptPublisher({ client, address, listener }: Credentials): AuthenticationResult {
    // The replicated state discards the wills of users of the cluster that do not exist.
    const source = 'passwordFile';
    const subject: AccessSubject = {
      identity: { source, user: internalListeners.publisher, groups: [], client, address, listener },
    };
    this.#internal.add(subject);
    return { accepted: true, subject };
  }

  /** Returns whether the client is the probe or the publisher of this process, or has the admin token. */
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

/**
 * Returns the authentication of the WebSocket on the HTTP port: the providers of all listeners, except certificates, which a
 * browser would present to another server. Clients without a user are admitted only if each listener admits them.
 */
function consoleAuthentication(
  listeners: readonly Pick<ClientListener, 'authentication' | 'anonymous'>[],
): ListenerAuthentication {
  const used = new Set(listeners.flatMap(({ authentication }) => authentication));
  used.delete('certificate');
  return { providers: [...used], anonymous: listeners.every(({ anonymous }) => anonymous) };
}

/** Checks the settings and files of the providers, without starting anything. @throws ConfigError */
export async function checkAuthentication(
  options: Pick<ClientAuthenticationOptions, 'config' | 'files' | 'logger'>,
): Promise<void> {
  await openFiles(options);
}

interface AuthenticationFiles {
  readonly passwordFile: {
    readonly current: PasswordFile;
    onChange(listener: () => void): () => void;
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
