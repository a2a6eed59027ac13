import type { HttpRequest, HttpResponse } from '@mqtt-cluster/runtime';
import { adminPaths } from '../paths.ts';
import type { UserAdministration } from './user-administration.ts';

/** Returns whether the path belongs to the users of the cluster. */
export function isUserPath(path: string): boolean {
  return path === adminPaths.users || path.startsWith(`${adminPaths.users}/`);
}

/** Returns the path of one user. */
export function userPath(name: string): string {
  return `${adminPaths.users}/${encodeURIComponent(name)}`;
}

/** Handles an authorized request for the users of the cluster. */
export async function handleUserRequest(
  users: UserAdministration,
  request: HttpRequest,
): Promise<HttpResponse> {
  const { method, path } = request;
  if (path === adminPaths.users) {
    if (method === 'GET') return { code: 200, body: users.list() };
    return method === 'POST' ? users.import(await request.json()) : wrongMethod('GET and POST');
  }
  const name = decoded(path.slice(adminPaths.users.length + 1));
  if (name === null)
    return { code: 400, body: { error: 'the user name in the path is not valid percent-encoding' } };
  if (method === 'PUT') return users.put(name, await request.json());
  return method === 'DELETE' ? users.remove(name) : wrongMethod('PUT and DELETE');
}

function wrongMethod(allowed: string): HttpResponse {
  return { code: 405, body: { error: `this path supports only ${allowed} requests` } };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
