import { errors, jwtVerify } from 'jose';
import { FairQueue } from '../fair-queue.ts';
import type { ProviderAnswer } from '../chain/provider.ts';
import { KeysUnavailableError } from './key-set.ts';
import type { TokenKeys } from './key-set.ts';
import { readClaims } from './token-claims.ts';
import type { ClaimNames } from './token-claims.ts';

/**
 * The algorithms that a setting may allow. All of them are asymmetric: with an HMAC algorithm, the public key of the
 * issuer would be accepted as the shared secret.
 */
export const tokenAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** Larger tokens are refused without a check. */
const tokenBytesMax = 8_192;
/**
 * Signatures that are checked at the same time. WebCrypto checks them in libuv's pool, which also syncs the store's
 * files: two of its four threads stay free.
 */
const checksMax = 2;
const waitingMax = 1_024;
const waitingPerAddressMax = 256;

export interface TokenProviderOptions {
  readonly keys: TokenKeys;
  readonly algorithms: readonly string[];
  /** Absent: any issuer whose key is in the key set. */
  readonly issuer?: string;
  /** Absent: any audience. */
  readonly audience?: string;
  readonly clockToleranceSeconds: number;
  readonly claims: ClaimNames;
  /** True: a user name in CONNECT must equal the user of the token. */
  readonly matchUserName: boolean;
  /** Milliseconds since 1970. */
  readonly wallMs?: () => number;
}

/** Authenticates clients by a JSON Web Token (RFC 7519) in the password field. */
export class TokenProvider {
  readonly #options: TokenProviderOptions;
  readonly #waiting = new FairQueue<() => void>({
    itemsMax: waitingMax,
    itemsPerAddressMax: waitingPerAddressMax,
  });
  #checks = 0;

  constructor(options: TokenProviderOptions) {
    this.#options = options;
  }

  /** Returns whether the password has the form of a token. Such a password is always checked as a token. */
  isToken(password: Uint8Array): boolean {
    // The header of each token is a JSON object, so it starts with `{"` in base64.
    const start = Buffer.from(password.buffer, password.byteOffset, Math.min(password.length, 3)).toString(
      'latin1',
    );
    return start === 'eyJ' && password.includes(0x2e);
  }

  async authenticate(
    address: string,
    userName: string | undefined,
    password: Uint8Array,
  ): Promise<ProviderAnswer> {
    if (password.length > tokenBytesMax) return { kind: 'refused', reason: 'the token is too large' };
    const token = Buffer.from(password).toString('latin1');
    if (!(await this.#turn(address))) return { kind: 'busy' };
    try {
      return await this.#verify(token, userName);
    } finally {
      this.#checks--;
      this.#waiting.shift()?.();
    }
  }

  async #verify(token: string, userName: string | undefined): Promise<ProviderAnswer> {
    const { keys, algorithms, issuer, audience, clockToleranceSeconds, claims, matchUserName } =
      this.#options;
    try {
      const { payload } = await jwtVerify(token, keys.find, {
        algorithms: [...algorithms],
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(this.#options.wallMs?.() ?? Date.now()),
        requiredClaims: ['exp'],
        ...(issuer !== undefined && { issuer }),
        ...(audience !== undefined && { audience }),
      });
      const { expiresAt, ...identity } = readClaims(payload, claims);
      if (matchUserName && userName !== undefined && userName !== identity.user) {
        return { kind: 'refused', reason: 'the user name differs from that of the token' };
      }
      return {
        kind: 'accepted',
        source: 'jwt',
        ...identity,
        expiresAtMs: (expiresAt + clockToleranceSeconds) * 1_000,
      };
    } catch (error) {
      if (error instanceof KeysUnavailableError) return { kind: 'unavailable', reason: error.message };
      // The messages of jose contain names of claims, never the token.
      const reason = error instanceof errors.JOSEError ? error.code : String((error as Error).message);
      return { kind: 'refused', reason: `the token is not valid: ${reason}` };
    }
  }

  /** Waits for one of the places of {@link checksMax}. Returns false if too many tokens wait. */
  #turn(address: string): Promise<boolean> {
    if (this.#checks < checksMax) {
      this.#checks++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const start = (): void => {
        this.#checks++;
        resolve(true);
      };
      if (!this.#waiting.push(address, start)) resolve(false);
    });
  }
}
