import { fileURLToPath } from 'node:url';
import { StaticFiles } from '@mqtt-cluster/runtime';
import type { HttpRequest, HttpResponse } from '@mqtt-cluster/runtime';

/** The folder of the console: `console` beside the bundle of this program. */
const consoleFolder = fileURLToPath(new URL('./console', import.meta.url));

const notBuilt = 'This program was built without the web console: "npm run build" builds it.\n';

/** Serves the files of the console. Returns null for a path that belongs to another component. */
export class ConsoleFiles {
  readonly #files: StaticFiles;

  constructor(folder = consoleFolder) {
    this.#files = new StaticFiles(folder);
  }

  respond(request: Pick<HttpRequest, 'method' | 'path' | 'headers'>): Promise<HttpResponse> | null {
    const { path } = request;
    if (path !== '/' && !path.startsWith('/assets/')) return null;
    return this.#files.respond(request) ?? Promise.resolve(path === '/' ? missing() : notFound());
  }
}

function missing(): HttpResponse {
  return { code: 404, body: Buffer.from(notBuilt), headers: { 'content-type': 'text/plain; charset=utf-8' } };
}

function notFound(): HttpResponse {
  return { code: 404, body: { error: 'the console has no such file: load the page again' } };
}
