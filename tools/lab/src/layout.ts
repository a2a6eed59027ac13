import { createServer } from 'node:net';
import { UsageError } from '@mqtt-cluster/kit';
import { LabError } from './errors.ts';

export const membersMax = 7;
/** The highest port range: with a higher one, ports would be those of outgoing connections. */
export const portRangeMax = 9;
/** The cluster with the default ports, folder and name, among several on one machine. */
export const firstSite = 'a';
const firstHostNumber = 55;
const singleHost = '127.0.0.1';
const clientHost = '127.0.0.140';

/** Ports of the first member. If only one loopback address works, each further member uses the next higher ports. */
export interface BasePorts {
  readonly mqtt: number;
  readonly http: number;
  readonly cluster: number;
  /** The link from member a to member b listens on port `links + 10 a + b`, at the address of a. */
  readonly links: number;
}

/** All ports are below 32,768, because the system uses higher ports for outgoing connections. */
export const defaultPorts: BasePorts = { mqtt: 1883, http: 9100, cluster: 7883, links: 17880 };

/** The id, number and addresses of a member of the lab. */
export interface MemberPlace {
  readonly id: string;
  /** Number of the member, from 1 on. */
  readonly number: number;
  readonly host: string;
  readonly mqttPort: number;
  readonly httpPort: number;
  readonly clusterPort: number;
}

export interface Layout {
  readonly members: readonly MemberPlace[];
  readonly client: { readonly host: string; readonly httpPort: number };
  readonly linkPort: (from: MemberPlace, to: MemberPlace) => number;
}

/**
 * Returns the addresses of a lab.
 *
 * @param manyAddresses whether every address of 127.0.0.0/8 works here, as on Linux, or only 127.0.0.1 (macOS)
 * @throws UsageError for a wrong number of members
 */
export function makeLayout(count: number, manyAddresses: boolean, ports: BasePorts = defaultPorts): Layout {
  checkMemberCount(count);
  const members = Array.from({ length: count }, (_, index): MemberPlace => {
    const shift = manyAddresses ? 0 : index;
    return {
      id: `m${index + 1}`,
      number: index + 1,
      host: manyAddresses ? `127.0.0.${firstHostNumber + index}` : singleHost,
      mqttPort: ports.mqtt + shift,
      httpPort: ports.http + shift,
      clusterPort: ports.cluster + shift,
    };
  });
  return {
    members,
    client: manyAddresses
      ? { host: clientHost, httpPort: ports.http }
      : { host: singleHost, httpPort: ports.http + membersMax },
    linkPort: (from, to) => ports.links + 10 * from.number + to.number,
  };
}

/** Checks the number of members. @throws UsageError when the number is not from 1 to 7 */
export function checkMemberCount(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > membersMax) {
    throw new UsageError(`the number of members must be 1 to ${membersMax}, not ${count}`);
  }
}

/** Finds a member by number (`3`), id (`m3`) or address (`127.0.0.57`, `127.0.0.57:1883`). @throws UsageError */
export function findMember(layout: Layout, text: string): MemberPlace {
  const found = layout.members.find(
    (member) =>
      member.id === text ||
      String(member.number) === text ||
      member.host === text ||
      `${member.host}:${member.mqttPort}` === text,
  );
  if (found === undefined || (text === singleHost && layout.members.length > 1)) {
    const ids = layout.members.map(({ id }) => id);
    throw new UsageError(`unknown member "${text}" (members: ${ids.join(', ')})`);
  }
  return found;
}

/**
 * Tries to listen at the address. Returns null on success, else the reason of the failure (`EADDRINUSE`,
 * `EADDRNOTAVAIL`, ...).
 */
function tryListen(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

/** Returns whether every address of 127.0.0.0/8 works on this machine. */
export async function hasManyAddresses(): Promise<boolean> {
  const answers = await Promise.all([tryListen('127.0.0.61', 0), tryListen(clientHost, 0)]);
  return answers.every((answer) => answer === null);
}

/** Checks that no address of the members is in use. @throws LabError with the first address that is in use */
export async function checkPortsFree(layout: Layout): Promise<void> {
  for (const { id, host, mqttPort, httpPort, clusterPort } of layout.members) {
    for (const port of [mqttPort, httpPort, clusterPort]) {
      const problem = await tryListen(host, port);
      if (problem !== null) throw new LabError(describeListenError(`member ${id}`, host, port, problem));
    }
  }
}

/** Returns the message for an address at which a part of the lab cannot listen. @param code the code of Node's error */
export function describeListenError(
  user: string,
  host: string,
  port: number,
  code: string | undefined,
): string {
  const why = code === 'EADDRINUSE' ? 'the address is already in use' : String(code);
  return `${user} cannot listen at ${host}:${port}: ${why}`;
}
