import { settingsChangeSchema } from '@mqtt-cluster/contracts';
import type {
  AccessChange,
  AdminAction,
  AdminOutcome,
  ClusterSettings,
  SettingsChange,
  Member,
  MemberEvent,
  MemberId,
  MemberStatus,
} from '@mqtt-cluster/contracts';
import { describeValidationError } from '@mqtt-cluster/runtime';
import { z } from 'zod';
import { assessClusterHealth } from '../health/cluster-health.ts';
import type { ClusterHealth } from '../health/cluster-health.ts';
import { LinkOutages } from '../health/link-outages.ts';
import type { MemberRunner } from '../node/member-runner.ts';

/** Time that the handler waits until this member has applied a change of settings, ms. */
const settingsMsMax = 5_000;
const pollMs = 20;

/** Response to an admin command: HTTP status code and body. */
export interface AdminResponse {
  readonly code: 200 | 202 | 400 | 404 | 409;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AdminCommandHandlerComponents {
  readonly runner: Pick<MemberRunner, 'status' | 'callMember' | 'readMember'>;
  readonly drainPerSecond: number;
  /** Drains this member and ends the process. */
  readonly stop: () => void;
  /** Milliseconds of a monotonic clock. */
  readonly now: () => number;
}

const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

const parameters = {
  drain: z.strictObject({ exit: flag.default(true) }),
  none: z.strictObject({}),
  add: z.strictObject({ id: z.string().min(1) }),
  remove: z.strictObject({ id: z.string().min(1), force: flag.default(false) }),
  transfer: z.strictObject({ to: z.string().min(1).optional() }),
};

/** Validates and executes the admin commands that operators send by HTTP or MQTT. */
export class AdminCommandHandler {
  readonly #components: AdminCommandHandlerComponents;
  readonly #pending = new Map<number, (outcome: AdminOutcome) => void>();
  readonly #outages: LinkOutages;
  #lastRequest = 0;
  readonly #commands: Readonly<Record<string, (given: unknown) => Promise<AdminResponse>>> = {
    drain: (given) => this.#validated(parameters.drain, given, ({ exit }) => this.#drain(exit)),
    undrain: (given) => this.#validated(parameters.none, given, () => this.#undrain()),
    add: (given) =>
      this.#validated(parameters.add, given, ({ id }) =>
        this.#administer(
          { kind: 'addMember', member: id },
          `${id} is a learner and votes when it has caught up`,
        ),
      ),
    remove: (given) =>
      this.#validated(parameters.remove, given, ({ id, force }) =>
        this.#administer({ kind: 'removeMember', member: id, force }, `${id} is removed from the cluster`),
      ),
    transfer: (given) =>
      this.#validated(parameters.transfer, given, ({ to }) =>
        this.#administer(
          { kind: 'transferLeadership', ...(to === undefined ? {} : { to }) },
          to === undefined ? 'leadership is transferred' : `${to} is the leader`,
        ),
      ),
    bootstrap: (given) => this.#validated(parameters.none, given, () => this.#bootstrap()),
    settings: (given) =>
      this.#validated(settingsChangeSchema, given, (settings) => this.#changeSettings(settings)),
    members: (given) =>
      this.#validated(parameters.none, given, async () => ({
        code: 200,
        body: { ...(await this.health()) },
      })),
  };

  constructor(components: AdminCommandHandlerComponents) {
    this.#components = components;
    this.#outages = new LinkOutages(components.now);
  }

  /** Returns a response with code 404 for an unknown command, and with code 400 for invalid parameters. */
  execute(command: string, given: unknown): Promise<AdminResponse> {
    const implementation = Object.hasOwn(this.#commands, command) ? this.#commands[command] : undefined;
    if (implementation !== undefined) return implementation(given);
    const error = `unknown command "${command}"; the commands are ${Object.keys(this.#commands).join(', ')}`;
    return Promise.resolve({ code: 404, body: { error } });
  }

  /**
   * Returns the health of the cluster, based on the leader's survey of its peers. With `stop`, the health includes
   * whether the member `stop` can be stopped now.
   */
  async health(stop?: MemberId): Promise<ClusterHealth> {
    const survey = await this.#outcomeOf({ kind: 'survey' });
    const status = this.#components.runner.status();
    return assessClusterHealth(status, survey, stop, this.#outages.observe(status));
  }

  settings(): ClusterSettings {
    return this.#components.runner.readMember((member) => member.settings());
  }

  onEvents(events: readonly MemberEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'adminAnswer') continue;
      this.#pending.get(event.request)?.(event.outcome);
      this.#pending.delete(event.request);
    }
  }

  async #validated<T>(
    schema: z.ZodType<T>,
    given: unknown,
    act: (parameters: T) => Promise<AdminResponse>,
  ): Promise<AdminResponse> {
    const result = schema.safeParse(given);
    if (result.success) return act(result.data);
    return { code: 400, body: { error: describeValidationError(schema, given, result.error) } };
  }

  async #drain(exit: boolean): Promise<AdminResponse> {
    if (exit) {
      this.#components.stop();
      return this.#begun('drains; its process ends when the drain is complete');
    }
    this.#components.runner.callMember((member) => member.drain(this.#components.drainPerSecond));
    return this.#begun('drains; use undrain to accept clients again');
  }

  async #undrain(): Promise<AdminResponse> {
    this.#components.runner.callMember((member) => member.undrain());
    return { code: 200, body: { ok: true, text: `${this.#status().id} accepts clients again` } };
  }

  async #bootstrap(): Promise<AdminResponse> {
    const { id, config } = this.#status();
    if (config !== null) return rejection(`${id} already belongs to a cluster`);
    this.#components.runner.callMember((member) => member.bootstrap());
    return this.#begun('forms a cluster with the members that have answered');
  }

  async #changeSettings(settings: SettingsChange): Promise<AdminResponse> {
    if (this.#status().leader === null)
      return rejection('no leader is known; a change of settings needs a majority', true);
    this.#components.runner.callMember((member) => member.changeSettings(settings));
    const deadline = performance.now() + settingsMsMax;
    const wanted = Object.entries(settings);
    for (;;) {
      const now: Readonly<Record<string, unknown>> = { ...this.settings() };
      if (wanted.every(([name, value]) => now[name] === value)) return { code: 200, body: now };
      if (performance.now() >= deadline)
        return rejection(
          'the change of settings is proposed but not applied yet; read the settings again later',
          true,
        );
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  /** @param done what the change did, for an outcome without words */
  async #administer(action: AdminAction, done: string): Promise<AdminResponse> {
    const { accepted, reason, later = false } = await this.#outcomeOf(action);
    if (!accepted) return rejection(reason, later);
    return { code: 200, body: { ok: true, text: reason === '' ? done : reason } };
  }

  /** Proposes a change of users and rules, and waits until this member has applied it. */
  changeAccess(change: AccessChange): Promise<AdminOutcome> {
    return this.#answerOf((member, request) => member.changeAccess(request, change));
  }

  #outcomeOf(action: AdminAction): Promise<AdminOutcome> {
    return this.#answerOf((member, request) => member.administer(request, action));
  }

  #answerOf(send: (member: Member, request: number) => void): Promise<AdminOutcome> {
    const request = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#pending.set(request, resolve);
      this.#components.runner.callMember((member) => send(member, request));
    });
  }

  /** Returns the answer to a command that this member has begun. It names the member: another one may have been asked. */
  #begun(what: string): AdminResponse {
    return { code: 202, body: { ok: true, text: `${this.#status().id} ${what}` } };
  }

  #status(): MemberStatus {
    return this.#components.runner.status();
  }
}

/** @param later whether the same command may succeed later. */
function rejection(error: string, later = false): AdminResponse {
  return { code: 409, body: later ? { error, later } : { error } };
}
