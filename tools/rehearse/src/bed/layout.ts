import { join } from 'node:path';

/** Last numbers of the addresses of the brokers' hosts. */
export const brokerHosts = [55, 56, 57, 58, 59, 60, 61] as const;
export const clientHost = 140;
export const monitoringHost = 150;
/** Last number of the virtual address, which moves between the brokers. */
export const virtualHost = 100;

const subnet = '10.0.0';
/** Last number of the bridge's address, from which this machine sends requests to the hosts. */
const bridgeNumber = 1;

/** Names and paths of a test bed. */
export interface TestBedLayout {
  /** Name of the test bed and of the bridge's network namespace, and prefix of each host's network namespace. */
  readonly name: string;
  /** Folder of all files of the test bed. */
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

/** Returns the name of the bridge's network namespace, which has no route to other networks. */
export function bridgeNamespaceOf({ name }: TestBedLayout): string {
  return name;
}

export function namespaceOf({ name }: TestBedLayout, host: number): string {
  return `${name}-${host}`;
}
