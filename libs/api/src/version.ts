/** Prefix of all paths of version 1 of the HTTP API. */
export const apiPrefix = '/api/v1';

/** The version of the API that a member announces in its hello messages. */
export const apiVersion = 1;

/** A request that changes something must have this header. A page of another origin cannot set it without CORS. */
export const changeHeader = { name: 'x-mqtt-cluster', value: '1' } as const;

/** User agent of the command line, so that the audit log can name it. */
export const commandLineUserAgent = 'mqtt-cluster';

/** Name of the cookie of a signed-in user; with the prefix `__Host-` over TLS. */
export const sessionCookie = 'mqtt-cluster';
