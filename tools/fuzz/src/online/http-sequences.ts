import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import type { Sequence } from '../mqtt/sequences.ts';
import { invalidJson } from '../mutation/json-texts.ts';
import { mutate, randomBytes } from '../mutation/mutate.ts';

/**
 * Paths without an effect. A request of this host may administer a lab, so an unchanged POST to an admin path would be a
 * valid command and no attack.
 */
const readPaths = [
  '/metrics',
  '/healthz',
  '/readyz',
  '/status',
  '/cluster/health',
  '/cluster/members',
  '/nothing',
];
const writePaths = ['/cluster/settings', '/cluster/users/fuzz', '/cluster/rules', '/cluster/transfer'];
const bodies = [...invalidJson, ''];
const largeBodyBytes = 100_000;
/**
 * Headers without which a request from this host could carry out a command: those of a page of another origin, which the
 * server refuses at once, and those of a proxy, whose request it refuses for its credentials. One header of a proxy is enough.
 */
const strangers = [
  'Origin: http://attacker.example',
  'X-Forwarded-For: 192.0.2.1\r\nVia: 1.1 attacker.example',
];

/** Returns one HTTP request with an invalid body or with mutated bytes. */
export function makeHttpSequence(random: Random): Sequence {
  const reads = random() < 0.5;
  const method = reads
    ? pick(random, ['GET', 'HEAD', 'GET', 'OPTIONS'])
    : pick(random, ['POST', 'PUT', 'DELETE', 'PATCH']);
  const path = reads ? pick(random, readPaths) : pick(random, writePaths);
  const body = reads ? Buffer.alloc(0) : makeBody(random);
  const length = random() < 0.9 ? body.length : between(random, 0, largeBodyBytes);
  const head = [
    `${method} ${path}${random() < 0.2 ? `?stop=${'m'.repeat(between(random, 0, 50))}` : ''} HTTP/1.1`,
    'Host: 127.0.0.1',
    pick(random, strangers),
    `Authorization: ${pick(random, ['Basic YTpi', 'Bearer wrong', 'Basic ====', 'Digest x'])}`,
    `Content-Length: ${length}`,
    'Content-Type: application/json',
    'Connection: close',
    '',
    '',
  ].join('\r\n');
  const headBytes = Buffer.from(head);
  const request = Buffer.concat([random() < 0.3 ? mutate(random, headBytes) : headBytes, body]);
  const at = between(random, 0, request.length);
  return {
    pieces: [request.subarray(0, at), request.subarray(at)].filter((piece) => piece.length > 0),
    ending: pick(random, ['close', 'reset', 'linger']),
  };
}

function makeBody(random: Random): Buffer {
  if (random() < 0.05) return Buffer.alloc(largeBodyBytes, '[');
  if (random() < 0.3) return randomBytes(random, between(random, 0, 200));
  return Buffer.from(pick(random, bodies));
}
