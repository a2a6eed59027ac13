import { compileRules, withUserGroups } from '@mqtt-cluster/access';
import type { CompiledRules, IdentityRules } from '@mqtt-cluster/access';
import type { AccessDecisions, AccessRule, AccessSubject, AccessTable, QoS } from '@mqtt-cluster/contracts';

/** Topics of the results of admin commands, which clients with a role may read. */
const adminAnswers = /^\$SYS\/cluster\/admin\/[^/#]+$/;

export interface AccessRulesOptions {
  /** Returns the users and rules of the cluster. A change makes a new object. */
  readonly table: () => AccessTable;
  /** Returns whether the client may stay connected: its user still exists with the same password. */
  readonly isCurrent: (subject: AccessSubject) => boolean;
  /** Returns whether the client is one of this process, or has the admin token. No rule applies to it. */
  readonly isInternal: (subject: AccessSubject) => boolean;
  /** Rules of the ACL file; absent without an ACL file. */
  readonly aclRules?: readonly AccessRule[];
}

/** The rules that apply to one client, in the order in which they decide. */
interface ClientRules {
  readonly token: IdentityRules;
  readonly log: IdentityRules;
  readonly file: IdentityRules;
  /** Decision where no rule matches. */
  readonly permitsByDefault: boolean;
}

/**
 * Decides what the clients of this member may do: by the rules of the client's token, then the rules of the cluster,
 * then the rules of the ACL file. The first rule that matches decides. Where no rule matches, the request is denied once
 * the cluster has a rule, the token lists rules, or the member has an ACL file. An ACL file or a list without rules denies
 * everything, as in mosquitto: a file that lost its content must not open the cluster.
 */
export class AccessRules implements AccessDecisions {
  readonly #options: AccessRulesOptions;
  #table: AccessTable;
  #log: CompiledRules;
  #file: CompiledRules;
  #hasFile: boolean;
  #version = 1;
  #clients = new WeakMap<AccessSubject, ClientRules>();

  constructor(options: AccessRulesOptions) {
    this.#options = options;
    this.#table = options.table();
    this.#log = compileRules(this.#table.rules);
    this.#file = compileRules(options.aclRules ?? []);
    this.#hasFile = options.aclRules !== undefined;
  }

  get version(): number {
    this.#refresh();
    return this.#version;
  }

  /** Replaces the rules of the ACL file. */
  setAclRules(rules: readonly AccessRule[]): void {
    this.#file = compileRules(rules);
    this.#hasFile = true;
    this.#change();
  }

  /** Reports that {@link AccessRulesOptions.isCurrent} may have changed. */
  onUsersChanged(): void {
    this.#change();
  }

  isValid(subject: AccessSubject): boolean {
    return this.#options.isCurrent(subject);
  }

  mayPublish(subject: AccessSubject, topic: string, qos: QoS, retain: boolean): boolean {
    const { token, log, file, permitsByDefault } = this.#rulesOf(subject);
    let decision = token.mayPublish(topic, qos, retain);
    if (decision === 'none') decision = log.mayPublish(topic, qos, retain);
    if (decision === 'none') decision = file.mayPublish(topic, qos, retain);
    return decision === 'none' ? permitsByDefault : decision === 'allow';
  }

  grantsWill(subject: AccessSubject, topic: string, qos: QoS, retain: boolean): boolean {
    if (this.#options.isInternal(subject)) return true;
    const { token, file } = this.#rulesOf(subject);
    const decision = token.mayPublish(topic, qos, retain);
    return (decision === 'none' ? file.mayPublish(topic, qos, retain) : decision) === 'allow';
  }

  grantedQos(subject: AccessSubject, filter: string, qos: QoS): QoS | null {
    if (subject.role !== undefined && adminAnswers.test(filter)) return qos;
    const { token, log, file, permitsByDefault } = this.#rulesOf(subject);
    let granted = token.grantedQos(filter, qos);
    if (granted === 'none') granted = log.grantedQos(filter, qos);
    if (granted === 'none') granted = file.grantedQos(filter, qos);
    if (granted === 'none') return permitsByDefault ? qos : null;
    return granted === 'deny' ? null : granted;
  }

  mayReceive(subject: AccessSubject, topic: string): boolean {
    if (subject.role !== undefined && adminAnswers.test(topic)) return true;
    const { token, log, file, permitsByDefault } = this.#rulesOf(subject);
    let decision = token.mayReceive(topic);
    if (decision === 'none') decision = log.mayReceive(topic);
    if (decision === 'none') decision = file.mayReceive(topic);
    return decision === 'none' ? permitsByDefault : decision === 'allow';
  }

  #rulesOf(subject: AccessSubject): ClientRules {
    this.#refresh();
    let rules = this.#clients.get(subject);
    if (!rules) this.#clients.set(subject, (rules = this.#compile(subject)));
    return rules;
  }

  #compile(subject: AccessSubject): ClientRules {
    const none = compileRules([]).forIdentity(subject.identity);
    if (this.#options.isInternal(subject))
      return { token: none, log: none, file: none, permitsByDefault: true };
    const identity = withUserGroups(subject.identity, this.#table.users);
    return {
      token: compileRules(subject.rules ?? []).forIdentity(identity),
      log: this.#log.forIdentity(identity),
      file: this.#file.forIdentity(identity),
      permitsByDefault: subject.rules === undefined && !this.#hasFile && this.#log.size === 0,
    };
  }

  #refresh(): void {
    const table = this.#options.table();
    if (table === this.#table) return;
    this.#table = table;
    this.#log = compileRules(table.rules);
    this.#change();
  }

  #change(): void {
    this.#version++;
    this.#clients = new WeakMap();
  }
}
