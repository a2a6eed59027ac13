import { settingsChangeSchema } from '@mqtt-cluster/contracts';
import type {
  AdminAction,
  AdminOutcome,
  ClusterSettings,
  SettingsChange,
  MemberEvent,
  MemberId,
  MemberStatus,
} from '@mqtt-cluster/contracts';
import { describeValidationError } from '@mqtt-cluster/runtime';
import { z } from 'zod';
import { clusterHealth } from '../health/cluster-health.ts';
import type { ClusterHealth } from '../health/cluster-health.ts';
import type { MemberRunner } from '../node/member-runner.ts';

/** How long a change of settings may take to come back applied. */
const settingsMsMax = 5_000;
const pollMs = 20;

/** What came of a command, as HTTP says it. */
export interface CommandResult {
  readonly code: 200 | 202 | 400 | 404 | 409;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface AdministratorComponents {
  readonly runner: Pick<MemberRunner, 'status' | 'operate' | 'look'>;
  readonly drainPerSecond: number;
  /** Drains and ends the process. */
  readonly stop: () => void;
}

const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);

const parameters = {
  drain: z.strictObject({ exit: flag.default(true) }),
  none: z.strictObject({}),
  add: z.strictObject({ id: z.string().min(1) }),
  remove: z.strictObject({ id: z.string().min(1), force: flag.default(false) }),
  transfer: z.strictObject({ to: z.string().min(1).optional() }),
};

/** Carries out what operators ask for, by HTTP, MQTT or the command line; parameters are checked here. */
export class Administrator {
  readonly #components: AdministratorComponents;
  readonly #waiting = new Map<number, (outcome: AdminOutcome) => void>();
  #lastRequest = 0;
  readonly #commands: Readonly<Record<string, (given: unknown) => Promise<CommandResult>>> = {
    drain: (given) => this.#checked(parameters.drain, given, ({ exit }) => this.#drain(exit)),
    undrain: (given) => this.#checked(parameters.none, given, () => this.#undrain()),
    add: (given) =>
      this.#checked(parameters.add, given, ({ id }) => this.#ask({ kind: 'addMember', member: id })),
    remove: (given) =>
      this.#checked(parameters.remove, given, ({ id, force }) =>
        this.#ask({ kind: 'removeMember', member: id, force }),
      ),
    transfer: (given) =>
      this.#checked(parameters.transfer, given, ({ to }) =>
        this.#ask({ kind: 'transferLeadership', ...(to === undefined ? {} : { to }) }),
      ),
    bootstrap: (given) => this.#checked(parameters.none, given, () => this.#bootstrap()),
    settings: (given) => this.#checked(settingsChangeSchema, given, (settings) => this.#change(settings)),
    members: (given) =>
      this.#checked(parameters.none, given, async () => ({ code: 200, body: { ...(await this.health()) } })),
  };

  constructor(components: AdministratorComponents) {
    this.#components = components;
  }

  /** Names that {@link Administrator.execute} knows. */
  get commands(): readonly string[] {
    return Object.keys(this.#commands);
  }

  /** Never rejects for what was asked: bad input is an answer, too. */
  execute(command: string, given: unknown): Promise<CommandResult> {
    const known = Object.hasOwn(this.#commands, command) ? this.#commands[command] : undefined;
    if (known !== undefined) return known(given);
    const error = `there is no command "${command}", only ${this.commands.join(', ')}`;
    return Promise.resolve({ code: 404, body: { error } });
  }

  /** With what the leader knows; `stop`: whether that member may be stopped. */
  async health(stop?: MemberId): Promise<ClusterHealth> {
    const survey = await this.#outcome({ kind: 'survey' });
    return clusterHealth(this.#components.runner.status(), survey, stop);
  }

  settings(): ClusterSettings {
    return this.#components.runner.look((member) => member.settings());
  }

  onEvents(events: readonly MemberEvent[]): void {
    for (const event of events) {
      if (event.kind !== 'adminAnswer') continue;
      this.#waiting.get(event.request)?.(event.outcome);
      this.#waiting.delete(event.request);
    }
  }

  async #checked<T>(
    schema: z.ZodType<T>,
    given: unknown,
    act: (checked: T) => Promise<CommandResult>,
  ): Promise<CommandResult> {
    const result = schema.safeParse(given);
    if (result.success) return act(result.data);
    return { code: 400, body: { error: describeValidationError(schema, given, result.error) } };
  }

  async #drain(exit: boolean): Promise<CommandResult> {
    if (exit) {
      this.#components.stop();
      return { code: 202, body: { ok: true, text: 'draining; this process ends when it is done' } };
    }
    this.#components.runner.operate((member) => member.drain(this.#components.drainPerSecond));
    return { code: 202, body: { ok: true, text: 'draining; undrain takes clients again' } };
  }

  async #undrain(): Promise<CommandResult> {
    this.#components.runner.operate((member) => member.undrain());
    return { code: 200, body: { ok: true, text: 'this member takes clients again' } };
  }

  async #bootstrap(): Promise<CommandResult> {
    if (this.#status().config !== null) return refusal('this member belongs to a cluster already');
    this.#components.runner.operate((member) => member.bootstrap());
    return { code: 202, body: { ok: true, text: 'founding a cluster with the members that are heard' } };
  }

  async #change(settings: SettingsChange): Promise<CommandResult> {
    if (this.#status().leader === null) return refusal('no leader is known: settings need a majority', true);
    this.#components.runner.operate((member) => member.changeSettings(settings));
    const deadline = performance.now() + settingsMsMax;
    const wanted = Object.entries(settings);
    for (;;) {
      const now: Readonly<Record<string, unknown>> = { ...this.settings() };
      if (wanted.every(([name, value]) => now[name] === value)) return { code: 200, body: now };
      if (performance.now() >= deadline)
        return refusal('the settings are proposed but not applied yet: look again', true);
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }

  async #ask(action: AdminAction): Promise<CommandResult> {
    const { accepted, reason, later = false } = await this.#outcome(action);
    return accepted ? { code: 200, body: { ok: true, text: reason } } : refusal(reason, later);
  }

  #outcome(action: AdminAction): Promise<AdminOutcome> {
    const request = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#waiting.set(request, resolve);
      this.#components.runner.operate((member) => member.administer(request, action));
    });
  }

  #status(): MemberStatus {
    return this.#components.runner.status();
  }
}

/** `later`: it may be accepted when it is asked again. */
function refusal(error: string, later = false): CommandResult {
  return { code: 409, body: later ? { error, later } : { error } };
}
