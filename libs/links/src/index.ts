export { checkDefinition } from './definition.ts';
export type { ParsedDefinition } from './definition.ts';
export { linkListener } from './local/local-session.ts';
export { LinkManager } from './manager/link-manager.ts';
export { linkReportsSchema } from './manager/link-report.ts';
export type { LinkReport } from './manager/link-report.ts';
export { incomingClient, outgoingClient, remoteClient } from './names.ts';
export type { TestResult } from './remote/test-link.ts';
export type { LinkManagerOptions, LocalConnection, LocalMember, PeerAnswer } from './types.ts';
