import { createServer } from 'node:net';
import { LabError, UsageError } from './errors.ts';

export const membersMax = 7;
const firstHostNumber = 55;
const singleHost = '127.0.0.1';
const clientHost = '127.0.0.140';

/** Ports of the first member; where only one loopback address works each further member has the next ones. */
export interface BasePorts {
  readonly mqtt: number;
  readonly http: number;
  readonly cluster: number;
  /** The link from member a to member b listens at `links + 10 a + b`, on a's own address. */
  readonly links: number;
}

/** All below the range from which the system takes the ports of outgoing connections, so none is taken by chance. */
export const defaultPorts: BasePorts = { mqtt: 1883, http: 9100, cluster: 7883, links: 17880 };

export interface MemberPlace {
  readonly id: string;
  /** From 1. */
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

/** @param manyAddresses whether every address of 127.0.0.0/8 works here, as on Linux, or only 127.0.0.1 (macOS). */
export function layOut(count: number, manyAddresses: boolean, ports: BasePorts = defaultPorts): Layout {
  if (!Number.isInteger(count) || count < 1 || count > membersMax) {
    throw new UsageError(`the number of members must be 1 to ${membersMax}, not ${count}`);
  }
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

/** `3`, `m3` or `127.0.0.57`. @throws UsageError */
export function findMember(layout: Layout, text: string): MemberPlace {
  const found = layout.members.find(
    (member) =>
      member.id === text ||
      String(member.number) === text ||
      member.host === text ||
      `${member.host}:${member.mqttPort}` === text,
  );
  if (found === undefined || (text === singleHost && layout.members.length > 1)) {
    throw new UsageError(`no member "${text}"; there are ${layout.members.map(({ id }) => id).join(' ')}`);
  }
  return found;
}

/** Whether a server can listen there now; null when it can, else why not (`EADDRINUSE`, `EADDRNOTAVAIL`, ...). */
export function tryListen(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

export async function hasManyAddresses(): Promise<boolean> {
  const answers = await Promise.all([tryListen('127.0.0.61', 0), tryListen(clientHost, 0)]);
  return answers.every((answer) => answer === null);
}

/** @throws LabError naming the first address that is taken. */
export async function checkPortsFree(layout: Layout): Promise<void> {
  for (const { id, host, mqttPort, httpPort, clusterPort } of layout.members) {
    for (const port of [mqttPort, httpPort, clusterPort]) {
      const problem = await tryListen(host, port);
      if (problem === null) continue;
      const why = problem === 'EADDRINUSE' ? 'is already in use' : `can't be used (${problem})`;
      throw new LabError(`${host}:${port}, which member ${id} needs, ${why}`);
    }
  }
}
