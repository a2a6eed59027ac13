import { fileURLToPath } from 'node:url';
import { StaticFiles } from '@mqtt-cluster/runtime';
import type { HttpRequest, HttpResponse } from '@mqtt-cluster/runtime';

/** The folder of the console: `console` beside the bundle of this program. */
const consoleFolder = fileURLToPath(new URL('./console', import.meta.url));

const notBuilt = 'This program was built without the web console: "npm run build" builds it.\n';

export interface ConsoleFilesOptions {
  /** Whether the server has TLS, so that other hosts get the console over HTTPS only. */
  readonly needsTls: boolean;
  readonly folder?: string;
}

/** Serves the files of the console. */
export class ConsoleFiles {
  readonly #needsTls: boolean;
  readonly #files: StaticFiles;

  constructor({ needsTls, folder = consoleFolder }: ConsoleFilesOptions) {
    this.#needsTls = needsTls;
    this.#files = new StaticFiles(folder);
  }

  /** Returns null for a path that belongs to another component. */
  respond(
    request: Pick<HttpRequest, 'method' | 'path' | 'headers' | 'isPrivate'>,
  ): Promise<HttpResponse> | null {
    const { path, headers, isPrivate } = request;
    if (path !== '/' && !path.startsWith('/assets/')) return null;
    if (this.#needsTls && !isPrivate) {
      const location = `https://${headers.host ?? ''}${path}`;
      return Promise.resolve({ code: 308, body: { location }, headers: { location } });
    }
    return this.#files.respond(request) ?? Promise.resolve(path === '/' ? missing() : notFound());
  }
}

function missing(): HttpResponse {
  return { code: 404, body: Buffer.from(notBuilt), headers: { 'content-type': 'text/plain; charset=utf-8' } };
}

function notFound(): HttpResponse {
  return { code: 404, body: { error: 'the console has no such file: load the page again' } };
}
