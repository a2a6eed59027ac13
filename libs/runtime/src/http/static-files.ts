import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { extname, join } from 'node:path';
import type { HttpResponse } from './http-types.ts';

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
};

/** The encodings in the order of preference, with the ending of a file that a build has compressed. */
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** The folder of the files whose names contain a hash of their content, so the content of such a name never changes. */
const hashedFolder = 'assets/';
const filesMax = 500;
const foldersDeepMax = 4;
/** Shortest time between two readings of the names. A build may replace the files while the program runs. */
const namesMsMin = 1_000;

/** Headers of each answer: a browser may neither guess another type nor load the file into the page of another origin. */
const headersOfAll = {
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
};

/**
 * A page loads scripts, styles, images and data from its own server only, is shown in no frame, and sends no form
 * elsewhere. Scripts and styles are files: the policy permits none in the page itself.
 */
const headersOfPages = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
};

export interface StaticRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/**
 * The files of a web page in a folder, with their compressed copies `NAME.br` and `NAME.gz`. Only names that a reading of
 * the folder has found are served, so no request reaches a file outside the folder. The contents are read for each request
 * and take no memory between requests.
 */
export class StaticFiles {
  readonly #folder: string;
  /** Paths of the files relative to the folder, with `/`; at most 500. */
  #names: ReadonlySet<string>;
  #readAtMs = -Infinity;

  /** @param folder a folder that does not exist has no files */
  constructor(folder: string) {
    this.#folder = folder;
    this.#names = new Set();
  }

  /** Returns the answer to a request, or null for a path without a file. `/` is the path of `index.html`. */
  respond({ method, path, headers }: StaticRequest): Promise<HttpResponse> | null {
    const name = path === '/' ? 'index.html' : path.slice(1);
    if (!path.startsWith('/') || !this.#has(name)) return null;
    if (method !== 'GET' && method !== 'HEAD') {
      const body = { error: 'this path supports only GET and HEAD requests' };
      return Promise.resolve({ code: 405, body, headers: { allow: 'GET, HEAD' } });
    }
    return this.#read(name, headers);
  }

  #has(name: string): boolean {
    const isPossible = name === 'index.html' || name.startsWith(hashedFolder);
    const nowMs = performance.now();
    if (!this.#names.has(name) && isPossible && nowMs - this.#readAtMs >= namesMsMin) {
      this.#readAtMs = nowMs;
      this.#names = new Set(firstOf(namesIn(this.#folder, '', foldersDeepMax), filesMax));
    }
    return this.#names.has(name);
  }

  async #read(name: string, headers: IncomingHttpHeaders): Promise<HttpResponse> {
    const isPage = name.endsWith('.html');
    const common = {
      ...headersOfAll,
      ...(isPage && headersOfPages),
      'content-type': types[extname(name)] ?? 'application/octet-stream',
      vary: 'accept-encoding',
      'cache-control': name.startsWith(hashedFolder) ? 'public, max-age=31536000, immutable' : 'no-cache',
    };
    const accepted = acceptedEncodings(headers['accept-encoding']);
    const [encoding, ending] = encodings.find(
      ([each, suffix]) => accepted.has(each) && this.#names.has(`${name}${suffix}`),
    ) ?? [null, ''];
    const body = await readFile(join(this.#folder, `${name}${ending}`));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    if (headers['if-none-match'] === etag)
      return { code: 304, body: new Uint8Array(), headers: { ...common, etag } };
    return {
      code: 200,
      body,
      headers: {
        ...common,
        etag,
        ...(encoding !== null && { 'content-encoding': encoding }),
      },
    };
  }
}

function* firstOf<Item>(items: Iterable<Item>, most: number): Generator<Item> {
  let count = 0;
  for (const item of items) {
    if (++count > most) return;
    yield item;
  }
}

function* namesIn(folder: string, prefix: string, depth: number): Generator<string> {
  let items;
  try {
    items = readdirSync(folder, { withFileTypes: true });
  } catch {
    return;
  }
  for (const item of items) {
    if (item.isFile()) yield `${prefix}${item.name}`;
    else if (item.isDirectory() && depth > 0)
      yield* namesIn(join(folder, item.name), `${prefix}${item.name}/`, depth - 1);
  }
}

/** Returns the encodings that a header Accept-Encoding names, without those with the weight 0. */
function acceptedEncodings(header: string | string[] | undefined): ReadonlySet<string> {
  const accepted = new Set<string>();
  for (const item of String(header ?? '').split(',')) {
    const [name = '', weight = ''] = item.split(';').map((part) => part.trim().toLowerCase());
    if (!/^q=0(?:\.0*)?$/.test(weight)) accepted.add(name);
  }
  return accepted;
}
