import { join } from 'node:path';

/** Last numbers of the brokers' addresses. */
export const brokerHosts = [55, 56, 57, 58, 59, 60, 61] as const;
export const clientHost = 140;
export const monitoringHost = 150;
/** The virtual address, which moves between the brokers. */
export const virtualHost = 100;

const subnet = '10.0.0';
/** Address of the bridge, for requests from outside the hosts. */
const bridgeNumber = 1;

export interface TestBedLayout {
  /** Name of the test bed: of the bridge's namespace, and the prefix of each host's namespace. */
  readonly name: string;
  /** Folder of everything that the test bed stores. */
  readonly directory: string;
  /** Read-only root file system that all hosts share. */
  readonly base: string;
  readonly nodeBase: string;
  readonly key: string;
  /** Folder of helper programs in this repository. */
  readonly helpers: string;
}

export function layoutOf(name: string, directory: string, helpers: string): TestBedLayout {
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

/** Returns the network namespace of the bridge, which has no route to other networks. */
export function bridgeNamespaceOf({ name }: TestBedLayout): string {
  return name;
}

export function namespaceOf({ name }: TestBedLayout, host: number): string {
  return `${name}-${host}`;
}
