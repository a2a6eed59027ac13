import type { LinkItem } from '@mqtt-cluster/api';
import { linksMax, linkTopicPrefix } from '@mqtt-cluster/contracts';
import type { LinkDefinition, MemberId } from '@mqtt-cluster/contracts';
import {
  checkDefinition,
  incomingClient,
  linkReportsSchema,
  outgoingClient,
  remoteClient,
} from '@mqtt-cluster/links';
import type { LinkManager, LinkReport, LocalMember } from '@mqtt-cluster/links';
import type { PeerQueries } from '../queries/index.ts';
import type { StateChanges } from '../state-changes/state-changes.ts';
import { linksQuestion } from './compose-links.ts';

/** Time in which the member that ran a removed link deletes its sessions itself, ms. */
const removalMsMax = 1_500;
const pollMs = 50;

/** A change of a link is refused. `code` is as in HTTP. */
export class LinkFault extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'LinkFault';
    this.code = code;
  }
}

export interface LinkAdministrationOptions {
  /** @throws the member has not started yet */
  readonly manager: () => LinkManager;
  readonly view: LocalMember['view'];
  readonly queries: Pick<PeerQueries, 'askAll'>;
  /** Runs a change of the replicated state, and translates its errors. */
  readonly changing: <Result>(change: (changes: StateChanges) => Promise<Result>) => Promise<Result>;
  /** Returns the URLs at which clients reach the members of this cluster. */
  readonly ownUrls: () => readonly string[];
}

/** The links of the cluster, for the HTTP API. */
export class LinkAdministration {
  readonly #options: LinkAdministrationOptions;

  constructor(options: LinkAdministrationOptions) {
    this.#options = options;
  }

  async list(): Promise<{ links: LinkItem[]; unreachable: string[]; tooOld: string[] }> {
    const manager = this.#options.manager();
    const { reports, unreachable, tooOld } = await this.#askAll();
    const links = manager.definitions().map(({ name, definition, fault }) => {
      const ofLink = [...reports].flatMap(([member, each]) => {
        const report = each.find((one) => one.name === name);
        return report === undefined ? [] : [{ member, report }];
      });
      return this.#itemOf(name, definition, fault, ofLink);
    });
    return { links, unreachable: [...unreachable], tooOld: [...tooOld] };
  }

  /** @throws LinkFault the definition is refused */
  async put(name: string, body: unknown): Promise<string> {
    const { definition, fault } = checkDefinition(body);
    if (definition === null) throw new LinkFault(400, fault);
    const own = this.#options.ownUrls().map(hostAndPort);
    const self = definition.addresses.find((address) => own.includes(hostAndPort(address)));
    if (self !== undefined) throw new LinkFault(400, `addresses: ${self} is a member of this cluster`);
    const definitions = this.#options.manager().definitions();
    const others = definitions.filter((each) => each.name !== name);
    const former = definitions.find((each) => each.name === name)?.definition ?? null;
    if (others.length >= linksMax)
      throw new LinkFault(409, `the cluster has ${linksMax} links, which is the bound`);
    const rival = rivalOf(name, definition, others);
    // An earlier version accepted such links. They must stay editable.
    const isNew = former === null || rivalOf(name, former, others) === null;
    if (rival !== null && isNew) throw new LinkFault(400, rival);
    await this.#write(name, definition);
    return `the link ${name} is defined`;
  }

  /** @throws LinkFault the cluster has no such link */
  async setPaused(name: string, paused: boolean): Promise<string> {
    const definition = this.#find(name);
    if (definition.paused !== paused) await this.#write(name, { ...definition, paused });
    return paused ? `the link ${name} is paused, and its messages wait` : `the link ${name} is resumed`;
  }

  /** @throws LinkFault the cluster has no such link */
  async remove(name: string): Promise<string> {
    const { changing, view } = this.#options;
    const manager = this.#options.manager();
    const former = manager.definitions().find((each) => each.name === name);
    const clients = [outgoingClient(name), incomingClient(name)];
    const isLeft = (): boolean => clients.some((client) => view().session(client) !== undefined);
    if (former === undefined && !isLeft()) throw unknownLink(name);
    const ended = await this.#endedByRunner(name, former?.definition ?? null);
    if (former !== undefined) await changing((changes) => changes.deleteRetained([linkTopicPrefix + name]));
    // The member that runs the link also deletes its session at the other broker.
    const deadlineMs = performance.now() + removalMsMax;
    while (isLeft() && performance.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    const definition = former?.definition ?? null;
    const addresses = (definition?.addresses ?? []).filter((address) => address !== ended || isLeft());
    const fault =
      definition === null || addresses.length === 0
        ? null
        : await manager.discard(name, { ...definition, addresses });
    for (const client of clients) await changing((changes) => changes.deleteSession(client));
    if (former?.fault != null)
      return `the link ${name} is removed. If it had a session at the other broker, it is still there: ${former.fault}`;
    if (fault === null) return `the link ${name} is removed`;
    return `the link ${name} is removed, and its session at the other broker could not be deleted: ${fault}`;
  }

  /** @throws LinkFault the cluster has no such link */
  async test(name: string): Promise<{ ok: boolean; text: string }> {
    return { ...(await this.#options.manager().test(name, this.#find(name))) };
  }

  /**
   * Returns the address at which the runner ends its session by the removal, or null. A runner without a connection ends
   * none there, and DISCONNECT of MQTT 3.1.1 does not end a session.
   */
  async #endedByRunner(name: string, definition: LinkDefinition | null): Promise<string | null> {
    if (definition === null || definition.protocol === '3.1.1') return null;
    const { reports } = await this.#askAll();
    const all = [...reports.values()].flat();
    return all.find((report) => report.name === name && report.runs)?.address ?? null;
  }

  /** Asks all members about their links. */
  async #askAll(): Promise<{
    readonly reports: ReadonlyMap<MemberId, readonly LinkReport[]>;
    readonly unreachable: readonly string[];
    readonly tooOld: readonly string[];
  }> {
    const { answers, unreachable, tooOld } = await this.#options.queries.askAll(linksQuestion, null);
    const reports = new Map<MemberId, readonly LinkReport[]>();
    for (const [member, body] of answers) {
      const parsed = linkReportsSchema.safeParse(body);
      if (parsed.success) reports.set(member, parsed.data);
    }
    return { reports, unreachable, tooOld };
  }

  #find(name: string): LinkDefinition {
    const found = this.#options
      .manager()
      .definitions()
      .find((each) => each.name === name);
    if (found === undefined) throw unknownLink(name);
    if (found.definition === null)
      throw new LinkFault(409, `the definition of ${name} is not valid: ${found.fault}`);
    return found.definition;
  }

  async #write(name: string, definition: LinkDefinition): Promise<void> {
    const message = {
      topic: linkTopicPrefix + name,
      payload: Buffer.from(JSON.stringify(definition)),
      qos: 1,
      retain: true,
    } as const;
    await this.#options.changing((changes) => changes.publish(message));
  }

  #itemOf(
    name: string,
    definition: LinkDefinition | null,
    fault: string | null,
    reports: readonly { readonly member: MemberId; readonly report: LinkReport }[],
  ): LinkItem {
    const runner = reports.find(({ report }) => report.runs) ?? null;
    const reason = reports.map(({ report }) => report.reason).find((each) => each !== null) ?? null;
    const report = runner?.report;
    const session = this.#options.view().session(outgoingClient(name));
    return {
      name,
      definition: definition === null ? null : (structuredClone(definition) as LinkItem['definition']),
      state: stateOf(definition, runner?.report.phase ?? null),
      member: runner?.member ?? null,
      address: report?.address ?? null,
      error:
        fault ?? (runner === null ? (definition?.paused === true ? null : reason) : runner.report.reason),
      lagMessages: session?.queuedMessages ?? 0,
      lagSeconds: report?.lagSeconds ?? 0,
      sent: report?.sent ?? [0, 0, 0],
      received: report?.received ?? [0, 0, 0],
      // Each member has counted other drops of the queue, also without running the link.
      dropped: { ...report?.dropped, queue: sum(reports.map(({ report: each }) => each.dropped.queue ?? 0)) },
      reconnects: report?.reconnects ?? 0,
      possibleDuplicates: report?.possibleDuplicates ?? 0,
      keptAside: report?.keptAside ?? 0,
      members: reports.map(({ member, report: each }) => ({
        member,
        mayRun: each.mayRun,
        reason: each.mayRun ? null : each.reason,
      })),
    };
  }
}

/** Returns which other link would take the session at the other broker from this one, in one sentence, or null. */
function rivalOf(
  name: string,
  definition: LinkDefinition,
  others: ReturnType<LinkManager['definitions']>,
): string | null {
  if (definition.kind !== 'mqtt') return null;
  const client = remoteClient(name, definition);
  for (const { name: other, definition: each } of others) {
    if (each?.kind !== 'mqtt' || remoteClient(other, each) !== client) continue;
    const taken = each.addresses.map(hostAndPort);
    const address = definition.addresses.find((url) => taken.includes(hostAndPort(url)));
    if (address !== undefined)
      return `clientId: the link ${other} has the client id ${client} at ${address}, so each would end the connection of the other`;
  }
  return null;
}

function stateOf(definition: LinkDefinition | null, phase: LinkReport['phase']): LinkItem['state'] {
  if (definition === null) return 'invalid';
  if (definition.paused) return 'paused';
  if (phase === null) return 'waiting';
  return phase === 'connected' ? 'connected' : 'connecting';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function unknownLink(name: string): LinkFault {
  return new LinkFault(404, `the cluster has no link ${name}`);
}

const defaultPorts: Readonly<Record<string, string>> = {
  'mqtt:': '1883',
  'mqtts:': '8883',
  'ws:': '80',
  'wss:': '443',
};

function hostAndPort(address: string): string {
  const { protocol, hostname, port } = new URL(address);
  return `${hostname}:${port === '' ? (defaultPorts[protocol] ?? '') : port}`;
}
