/** The entry for programs that must not load the schemas and the OpenAPI generator. */
export { apiActs } from './acts.ts';
export type { ApiAct, OperationId } from './acts.ts';
export { apiPrefix, apiVersion, changeHeader, commandLineUserAgent, sessionCookie } from './version.ts';
