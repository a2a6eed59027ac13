import { join } from 'node:path';

/** Last numbers of the hosts' addresses. */
export const brokerHosts = [55, 56, 57, 58, 59, 60, 61] as const;
export const clientHost = 140;
export const monitoringHost = 150;
/** The address that moves between the brokers. */
export const virtualHost = 100;

const subnet = '10.0.0';
/** The bridge's own, for whoever looks from outside the hosts. */
const bridgeNumber = 1;

export interface BedLayout {
  /** Tells beds on one machine apart: of its bridge's namespace, and before the number of each host's. */
  readonly name: string;
  /** Everything that the bed keeps is in here. */
  readonly directory: string;
  /** Root file system that all hosts share, read-only. */
  readonly base: string;
  readonly nodeBase: string;
  readonly key: string;
  /** Programs and filters that come with this tool. */
  readonly helpers: string;
}

export function layoutOf(name: string, directory: string, helpers: string): BedLayout {
  return {
    name,
    directory,
    base: join(directory, 'base'),
    nodeBase: join(directory, 'node-base.tar'),
    key: join(directory, 'id_rehearsal'),
    helpers,
  };
}

export const bridgeAddress = `${subnet}.${bridgeNumber}`;

export function addressOf(host: number): string {
  return `${subnet}.${host}`;
}

/** Network namespace with the bridge; it has no way out. */
export function bridgeNamespaceOf({ name }: BedLayout): string {
  return name;
}

export function namespaceOf({ name }: BedLayout, host: number): string {
  return `${name}-${host}`;
}
