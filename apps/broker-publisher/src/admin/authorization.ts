import { createHash, timingSafeEqual } from 'node:crypto';
import { ConfigError } from '@mqtt-cluster/contracts';
import { readSettingFile } from '@mqtt-cluster/runtime';
import type { HttpRequest } from '@mqtt-cluster/runtime';

/** Minimum number of characters of a token. A shorter token could be guessed. */
const tokenLengthMin = 16;

/** User name of MQTT clients that may use the admin topics. The password of these clients is the token. */
export const adminUserName = 'admin';

/**
 * Decides which requests may administer the cluster. With a configured token these are the requests that contain
 * the token. Without a configured token these are the requests from this host.
 */
export class Authorization {
  readonly #digest: Buffer | null;
  readonly #trustsLoopback: boolean;

  /**
   * @param token null when administration needs no token
   * @param trustsLoopback whether a request from a loopback address counts as a request from this host
   */
  constructor(token: string | null, trustsLoopback: boolean) {
    this.#digest = token === null ? null : digestOf(token);
    this.#trustsLoopback = trustsLoopback;
  }

  /** Whether administration needs a token. */
  get hasToken(): boolean {
    return this.#digest !== null;
  }

  /** Returns whether a request without credentials may administer. */
  trusts({ isLocal }: Pick<HttpRequest, 'isLocal'>): boolean {
    return this.rejectionReason({ headers: {}, isLocal }) === null;
  }

  /** Returns null for an authorized request. Otherwise returns the reason for the rejection, in one sentence. */
  rejectionReason({ headers, isLocal }: Pick<HttpRequest, 'headers' | 'isLocal'>): string | null {
    if (this.#digest === null) {
      if (!this.#trustsLoopback)
        return (
          'administration needs a token (admin.tokenFile), because admin.trustLoopback is false, or a proxy on this ' +
          'host may pass requests on (mqtt.listeners)'
        );
      return isLocal
        ? null
        : 'administration is allowed only from this host: set admin.tokenFile to allow it from other hosts';
    }
    const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    return token !== undefined && this.#matches(token)
      ? null
      : 'the header "Authorization: Bearer TOKEN" is missing or wrong';
  }

  /**
   * Returns whether an MQTT client may use the admin topics. Without a token no client may, because MQTT
   * clients may be on any host.
   */
  allowsTopics(userName: string | undefined, password: Uint8Array | undefined): boolean {
    if (userName !== adminUserName || password === undefined) return false;
    return this.#digest !== null && this.#matches(password);
  }

  #matches(token: string | Uint8Array): boolean {
    return this.#digest !== null && timingSafeEqual(digestOf(token), this.#digest);
  }
}

/** The digests of all tokens have the same length, as `timingSafeEqual` requires. */
function digestOf(token: string | Uint8Array): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Returns null when `file` is empty. @throws ConfigError the file cannot be read, or its token is invalid */
export function readToken(file: string): string | null {
  if (file === '') return null;
  const token = readSettingFile('admin.tokenFile', file).trim();
  if (token.length >= tokenLengthMin && !/\s/.test(token)) return token;
  throw new ConfigError(
    `admin.tokenFile: ${file} must contain one token of at least ${tokenLengthMin} characters, ` +
      'without spaces',
  );
}
