import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigError } from '@mqtt-cluster/contracts';
import type { HttpRequest } from '@mqtt-cluster/runtime';

/** Shorter ones can be guessed. */
const tokenLengthMin = 16;

/** Of the MQTT client that may use the admin topics; its password is the token. */
export const adminUserName = 'admin';

/** Who may change the cluster: whoever has the token, or without one whoever is on this host. */
export class Authorization {
  readonly #digest: Buffer | null;
  readonly #trustsLoopback: boolean;

  /** `token`: null for none. `trustsLoopback`: whether a request from this host is known by its address. */
  constructor(token: string | null, trustsLoopback: boolean) {
    this.#digest = token === null ? null : digestOf(token);
    this.#trustsLoopback = trustsLoopback;
  }

  /** In one sentence why not, or null. */
  refusal({ headers, isLocal }: Pick<HttpRequest, 'headers' | 'isLocal'>): string | null {
    if (this.#digest === null) {
      if (!this.#trustsLoopback)
        return 'administration needs a token (admin.tokenFile), since admin.trustLoopback is false';
      return isLocal
        ? null
        : 'administration is only for this host: set admin.tokenFile to allow it from others';
    }
    const [, token] = /^Bearer (.+)$/i.exec(headers.authorization ?? '') ?? [];
    return token !== undefined && this.#fits(token)
      ? null
      : 'the header "Authorization: Bearer TOKEN" is missing or wrong';
  }

  /** MQTT has no way to tell where a client is: without a token nobody may. */
  mayUseTopics(userName: string | undefined, password: Uint8Array | undefined): boolean {
    if (userName !== adminUserName || password === undefined) return false;
    return this.#digest !== null && this.#fits(Buffer.from(password).toString('utf8'));
  }

  #fits(token: string): boolean {
    return this.#digest !== null && timingSafeEqual(digestOf(token), this.#digest);
  }
}

/** Of equal length, whatever was sent. */
function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** @throws ConfigError the file cannot be read, or holds no good token */
export function readToken(file: string): string | null {
  if (file === '') return null;
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new ConfigError(`admin.tokenFile: the file ${file} cannot be read`, { cause });
  }
  if (token.length >= tokenLengthMin && !/\s/.test(token)) return token;
  throw new ConfigError(
    `admin.tokenFile: ${file} must hold one token of at least ${tokenLengthMin} characters, without spaces`,
  );
}
