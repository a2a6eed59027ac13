import { z } from 'zod';
import { count } from './schema.ts';
import type { Decoded } from './schema.ts';
import type { ClientId, Epoch } from './ids.ts';
import type { QoS } from './message.ts';

/** Bytes of a user name, a group name or a listener name. */
const nameBytesMax = 256;
/** Rules of the cluster. */
export const accessRulesMax = 1_000;
/** Users of the cluster. */
export const accessUsersMax = 10_000;
/** Upper bounds of all users and of all rules of the cluster, bytes. */
export const accessUsersBytesMax = 4 * 1024 * 1024;
export const accessRulesBytesMax = 256 * 1024;
/** Groups of a user. */
export const accessGroupsMax = 100;

const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= nameBytesMax, `must have at most ${nameBytesMax} bytes`);
const names = z.array(name).min(1).max(100);

/**
 * Returns whether a text is a valid topic of a rule: a topic filter (`#` alone in the last level, `+` alone in a
 * level) without `$share/`. `%u` and `%c` must each be a whole level. A rule with `dev-%u` would never match the
 * topics that its author means.
 */
function isRuleTopic(topic: string): boolean {
  if (topic.startsWith('$share/') || topic.includes('\0')) return false;
  const levels = topic.split('/');
  return levels.every((level, index) => {
    if (level === '#') return index === levels.length - 1;
    return level === '+' || level === '%u' || level === '%c' || !/[+#]|%[uc]/.test(level);
  });
}

const ruleTopic = name.refine(
  isRuleTopic,
  'must be a topic filter in which each of +, %u and %c is a whole level and # is the whole last level',
);
const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'must be an IP address or a network in CIDR notation',
});

/**
 * One rule for publishing and subscribing. A rule matches a request if all its conditions match. An absent
 * condition matches everything. The first matching rule decides. Once any rule exists, a request that no rule
 * matches is denied.
 */
export const accessRuleSchema = z.strictObject({
  effect: z.enum(['allow', 'deny']),
  /** `subscribe` covers SUBSCRIBE and the delivery of each message. */
  actions: z.array(z.enum(['publish', 'subscribe'])).min(1),
  /** Topic filters. `%u` stands for the user name and `%c` for the client identifier, each as one topic level. */
  topics: z.array(ruleTopic).min(1).max(100),
  users: names.exactOptional(),
  /** True: the rule matches only clients without a user. False: the rule matches only clients with a user. */
  anonymous: z.boolean().exactOptional(),
  groups: names.exactOptional(),
  clients: names.exactOptional(),
  /** IP addresses or networks in CIDR notation. */
  addresses: z.array(network).min(1).max(100).exactOptional(),
  /** Names of listeners. */
  listeners: names.exactOptional(),
  /**
   * For `allow`: a publish of a higher QoS is denied, and a subscription is granted at most this QoS.
   */
  qosMax: z.literal([0, 1, 2]).exactOptional(),
  /** For `allow` with the value false: a publish with RETAIN is denied. */
  retain: z.boolean().exactOptional(),
});

export type AccessRule = Decoded<typeof accessRuleSchema>;

/** What a user may do at the administration interface; each role includes the ones before it. */
export const roleSchema = z.enum(['viewer', 'operator', 'admin']);
export type Role = z.output<typeof roleSchema>;

/** A user in the replicated state. */
export const accessUserSchema = z.strictObject({
  name,
  /** Password hash in the PHC string format, for example `$scrypt$ln=14,r=8,p=1$SALT$HASH`. Never the password. */
  passwordHash: z.string().max(512),
  groups: z.array(name).max(accessGroupsMax).default([]),
  /** Absent: the user may not administer the cluster. */
  role: roleSchema.exactOptional(),
  /** True: the user can't log in. The user's connections are closed. */
  disabled: z.boolean().exactOptional(),
});

export type AccessUser = Decoded<typeof accessUserSchema>;

/** The users and rules in the replicated state. */
export interface AccessTable {
  /** Rises with each change. 0: nobody has ever set a user or a rule. */
  readonly version: number;
  readonly users: ReadonlyMap<string, AccessUser>;
  readonly rules: readonly AccessRule[];
}

/** How a client was authenticated. */
export type AccessSource = 'anonymous' | 'cluster' | 'passwordFile' | 'certificate' | 'jwt';

/** The authenticated identity of one connection. Rules match on its fields. */
export interface Identity {
  readonly source: AccessSource;
  /** Absent for an anonymous client. */
  readonly user?: string;
  /** Groups of a user of a file, a certificate or a token. The groups of a cluster's user are in {@link AccessTable}. */
  readonly groups: readonly string[];
  readonly client: ClientId;
  /** IP address without port; an IPv4-mapped address in its IPv4 form. Empty if unknown. */
  readonly address: string;
  /** Name of the listener. */
  readonly listener: string;
}

/**
 * The part of an `open` command that binds a session to a user and decides whether its will may fire. Only
 * from `accessSemantics` on.
 */
export const connectionAccessSchema = z.object({
  source: z.enum(['anonymous', 'cluster', 'passwordFile', 'certificate', 'jwt']),
  user: z.string().optional(),
  groups: z.array(z.string()).optional(),
  address: z.string(),
  listener: z.string(),
  /**
   * True if a rule outside the log (an ACL file, a token) permits the will. Members use it where no rule of
   * the log matches.
   */
  willGranted: z.boolean().optional(),
  /** Seconds since 1970 at which the token expires. The home ends the connection then; no member uses it for the will. */
  expiresAt: count.optional(),
});

export type ConnectionAccess = Decoded<typeof connectionAccessSchema>;

/**
 * Returns whether user, groups and listener of a connection are within the bounds of users. A token can
 * contain more groups than the replicated state may hold.
 */
export function isBoundedAccess({ user, groups = [], address, listener }: ConnectionAccess): boolean {
  const fits = (text: string): boolean => Buffer.byteLength(text) <= nameBytesMax;
  return groups.length <= accessGroupsMax && [user ?? '', address, listener, ...groups].every(fits);
}

/** A change of the users and rules of the cluster. The cluster applies it as a whole or refuses it. */
export const accessChangeSchema = z.strictObject({
  /** Users to add. A user of the same name is replaced. */
  users: z.array(accessUserSchema).exactOptional(),
  /** Names of users to delete. Their connections are closed, and their wills are discarded. */
  removed: z.array(z.string()).exactOptional(),
  /** Replaces all rules. */
  rules: z.array(accessRuleSchema).exactOptional(),
});

export type AccessChange = Decoded<typeof accessChangeSchema>;

/**
 * The connections whose user lost its rights outside the replicated state: in a password file, by a revoked
 * certificate or token.
 */
export const revocationSchema = z.strictObject({
  user: z.string().min(1),
  /** Only connections that were authenticated in this way. Absent: all connections of the user. */
  source: z.enum(['cluster', 'passwordFile', 'certificate', 'jwt']).exactOptional(),
  /** Only the connection of this client. */
  client: z.string().exactOptional(),
});

export type Revocation = Decoded<typeof revocationSchema>;

/** A client whose last connection has set a will that is not published yet. */
export interface WillOwner {
  readonly client: ClientId;
  readonly user: string;
  readonly source: Exclude<AccessSource, 'anonymous'>;
  /** The epoch of this connection. */
  readonly epoch: Epoch;
}

/** What a connecting client presents. The password buffer is valid during the call only. */
export interface Credentials {
  readonly client: ClientId;
  readonly address: string;
  /** Name of the listener. */
  readonly listener: string;
  readonly userName?: string;
  readonly password?: Uint8Array;
  /** The verified certificate of a TLS client. */
  readonly certificate?: ClientCertificate;
}

/** A client certificate that the listener's certificate authority has signed. */
export interface ClientCertificate {
  /** Common Name of the subject. */
  readonly commonName?: string;
  /** DNS names, e-mail addresses and URIs of the Subject Alternative Name, without their prefixes. */
  readonly alternativeNames: readonly string[];
}

/** An authenticated connection, as the access decisions need it. */
export interface AccessSubject {
  readonly identity: Identity;
  /** Rules of the client's token. They precede all other rules. */
  readonly rules?: readonly AccessRule[];
  /** Time at which the connection must end (expiry of a token), ms since 1970. */
  readonly expiresAtMs?: number;
  /** Role for the admin topics. */
  readonly role?: Role;
}

/**
 * The result of an authentication. `credentials`: user name or password are wrong, or no provider accepts the
 * client. `busy`: too many password checks wait. `unavailable`: a provider cannot decide now.
 */
export type AuthenticationResult =
  | { readonly accepted: true; readonly subject: AccessSubject }
  | { readonly accepted: false; readonly reason: 'credentials' | 'busy' | 'unavailable' };

/** Authenticates clients. The call never rejects. */
export interface Authenticator {
  authenticate(credentials: Credentials): Promise<AuthenticationResult>;
}

/** Decides what connected clients may do. The decisions take no time and do no I/O. */
export interface AccessDecisions {
  /** Changes whenever any decision may change. The broker then checks its connected clients again. */
  readonly version: number;
  /**
   * Returns whether the user of the client has kept its rights: it exists and is enabled. A token that has expired is not
   * withdrawn, and the broker watches its time.
   */
  isValid(subject: AccessSubject): boolean;
  mayPublish(subject: AccessSubject, topic: string, qos: QoS, retain: boolean): boolean;
  /**
   * Returns whether a rule outside the replicated state (an ACL file, a token) permits this will. The members that
   * decide about the will later cannot read such rules. See {@link ConnectionAccess.willGranted}.
   */
  grantsWill(subject: AccessSubject, topic: string, qos: QoS, retain: boolean): boolean;
  /** Returns the highest QoS that a subscription to the filter is granted, or null to deny it. */
  grantedQos(subject: AccessSubject, filter: string, qos: QoS): QoS | null;
  /** Returns whether a message on this topic may be sent to the client. */
  mayReceive(subject: AccessSubject, topic: string): boolean;
}
