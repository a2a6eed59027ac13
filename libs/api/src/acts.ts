import type { Role } from '@mqtt-cluster/contracts';

/** What a request needs and does. */
export interface ApiAct {
  /** Name of the act in the audit log; null for a request that needs no authorization. */
  readonly act: string | null;
  /** The weakest role that may send the request; null if it needs no authorization. */
  readonly role: Role | null;
  /** Whether the request changes something: it then needs the header `x-mqtt-cluster`. */
  readonly changes: boolean;
  /** Whether the audit log gets a line for each request. */
  readonly audited: boolean;
}

function open(changes = false): ApiAct {
  return { act: null, role: null, changes, audited: false };
}

function read(act: string, role: Role = 'viewer'): ApiAct {
  return { act, role, changes: false, audited: false };
}

/** A request that changes nothing and that the audit log nevertheless contains. */
function auditedRead(act: string, role: Role): ApiAct {
  return { act, role, changes: false, audited: true };
}

function change(act: string, role: Role = 'operator'): ApiAct {
  return { act, role, changes: true, audited: true };
}

/** The act of each operation of the API. Authorization, the audit log and the OpenAPI document use this table. */
export const apiActs = {
  getOpenApiDocument: open(),
  signIn: open(true),
  signOut: open(true),
  getMe: open(),

  getOverview: read('members'),
  getHealth: open(),
  getSettings: read('settings read'),
  changeSettings: change('settings'),
  transferLeadership: change('transfer'),
  bootstrapCluster: change('bootstrap', 'admin'),
  // A backup contains the password hashes of all users.
  getBackup: auditedRead('backup', 'admin'),
  listPrometheusTargets: read('members'),

  listMembers: read('members'),
  addMember: change('add', 'admin'),
  removeMember: change('remove', 'admin'),
  drainMember: change('drain'),
  undrainMember: change('undrain'),
  getChangeEffect: read('members'),

  listClients: read('clients read'),
  getClient: read('clients read'),
  disconnectClient: change('disconnect'),
  disconnectClients: change('disconnect'),
  deleteSession: change('delete session'),

  listSubscriptions: read('subscriptions read'),

  listRetained: read('retained read'),
  getRetainedMessage: read('retained read'),
  deleteRetainedMessage: change('delete retained'),
  deleteRetained: change('delete retained'),

  publish: change('publish'),
  subscribe: auditedRead('subscribe', 'operator'),

  listEvents: read('events read'),
  trace: auditedRead('trace', 'admin'),

  listLinks: read('links read'),
  putLink: change('links', 'admin'),
  deleteLink: change('links', 'admin'),
  pauseLink: change('links pause'),
  resumeLink: change('links pause'),
  testLink: change('links test'),

  listUsers: read('users', 'admin'),
  importUsers: change('users', 'admin'),
  putUser: change('users', 'admin'),
  deleteUser: change('users', 'admin'),
  getRules: read('rules read'),
  replaceRules: change('rules', 'admin'),
} as const satisfies Readonly<Record<string, ApiAct>>;

/** Name of an operation: `operationId` in the OpenAPI document. */
export type OperationId = keyof typeof apiActs;
