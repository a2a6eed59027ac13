import { request } from 'node:http';
import type { RequestOptions } from 'node:http';
import type { Random } from '@mqtt-cluster/kit';
import { Fault } from '../target.ts';
import type { Target } from '../target.ts';
import { makeBodyRequest, signInPath } from './http-bodies.ts';
import type { BodyRequest } from './http-bodies.ts';
import { sourceAddress } from './transports.ts';
import type { Endpoint } from './transports.ts';

/** Status codes that a member may answer: it did what it was asked, the request is wrong, or the member can't do it now. */
const isDeclared = (code: number): boolean =>
  (code >= 200 && code < 300) || (code >= 400 && code < 500) || code === 503;
const credentialCodes: ReadonlySet<number> = new Set([401, 403]);

/**
 * Returns the target of the bodies of authorized requests. The member must never answer with a status other than 2xx, 4xx or
 * 503, must accept the token, and must refuse an invalid body.
 */
export function bodyTarget({ host, port }: Endpoint, token: string): Target {
  return {
    name: 'http-bodies',
    // The check of a password waits behind those of the other targets, for seconds.
    parallel: 8,
    async run(random: Random) {
      const given = makeBodyRequest(random, token);
      const code = await answerTo(given, { host, port, ...sourceAddress(random) });
      const fault = code === null ? null : faultOf(given, code);
      if (fault !== null) throw new Fault(`http-bodies: ${given.method} ${given.path} ${fault}`, given.body);
    },
  };
}

/** Returns what is wrong with the answer to a request; null if the answer is right. */
function faultOf({ path, authorization, isInvalid }: BodyRequest, code: number): string | null {
  if (!isDeclared(code)) return `was answered with ${code}`;
  // The administrator may do everything, so a refusal of the token means that no body is tested.
  const hasToken = authorization.startsWith('Bearer ') && path !== signInPath;
  if (hasToken && credentialCodes.has(code)) return `refused the token with ${code}`;
  return isInvalid && code < 300 ? `accepted an invalid body with ${code}` : null;
}

/** Returns the status code; null if the server closed the connection, as it does when it has too many. */
function answerTo(
  { method, path, authorization, body }: BodyRequest,
  server: RequestOptions,
): Promise<number | null> {
  return new Promise((resolve) => {
    const headers = {
      authorization,
      'content-type': 'application/json',
      'content-length': body.length,
      'x-mqtt-cluster': '1',
    };
    const sent = request({ ...server, method, path, headers, agent: false }, (response) => {
      response.on('error', () => undefined);
      response.resume();
      response.once('close', () => resolve(response.statusCode ?? null));
    });
    sent.on('error', () => resolve(null));
    sent.end(body);
  });
}
