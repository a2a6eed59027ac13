/** Prefix of the client ids of sessions that a link opens, and of the users that own these sessions. */
export const linkSessionPrefix = '$link/';
/** Prefix of the client ids of the sessions that members open for operations of the HTTP API. */
export const apiSessionPrefix = '$api/';

/** Returns whether only members open sessions with this client id. */
export function isReservedClientId(client: string): boolean {
  return client.startsWith(linkSessionPrefix) || client.startsWith(apiSessionPrefix);
}

/** Returns whether a name is that of the owner of the sessions of a link, which no client can be. */
export function isReservedUserName(name: string): boolean {
  return name.startsWith(linkSessionPrefix);
}
