import { request } from 'node:http';
import type { RequestOptions } from 'node:http';
import type { Random } from '@mqtt-cluster/kit';
import { Fault } from '../target.ts';
import type { Target } from '../target.ts';
import { makeBodyRequest } from './http-bodies.ts';
import type { BodyRequest } from './http-bodies.ts';
import { sourceAddress } from './transports.ts';
import type { Endpoint } from './transports.ts';

/** Status codes that a member may answer: what it did, what is wrong with the request, and what it can't do now. */
const isDeclared = (code: number): boolean => (code >= 200 && code < 500) || code === 503;
/**
 * Returns the target of the bodies of authorized requests. The member must answer each of them, and may not answer that the
 * request failed for an unknown reason (500).
 */
export function bodyTarget({ host, port }: Endpoint, token: string): Target {
  return {
    name: 'http-bodies',
    parallel: 4,
    async run(random: Random) {
      const given = makeBodyRequest(random, token);
      const code = await answerTo(given, { host, port, ...sourceAddress(random) });
      if (code === null || isDeclared(code)) return;
      throw new Fault(`http-bodies: ${given.method} ${given.path} was answered with ${code}`, given.body);
    },
  };
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
