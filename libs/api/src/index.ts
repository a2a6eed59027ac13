/** Prefix of all paths of version 1 of the HTTP API. */
export const apiPrefix = '/api/v1';

/** The version of the API that a member announces in its hello messages. */
export const apiVersion = 1;
