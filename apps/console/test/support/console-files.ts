import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import type { ServerResponse } from 'node:http';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** The strictest policy under which the console has to work. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Serves the built console. @returns false if the folder has no such file */
export function serveConsoleFile(folder: string, path: string, response: ServerResponse): boolean {
  const name = path === '/' ? 'index.html' : normalize(path).replace(/^\/+/, '');
  const file = join(folder, name);
  if (!file.startsWith(folder) || !existsSync(file)) return false;
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': contentSecurityPolicy,
  });
  response.end(readFileSync(file));
  return true;
}
