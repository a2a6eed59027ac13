import { join } from 'node:path';

/** Last numbers of the addresses of the brokers' hosts. */
export const brokerHosts = [55, 56, 57, 58, 59, 60, 61] as const;
export const clientHost = 140;
export const monitoringHost = 150;
/** All hosts of the cluster that the rehearsal deploys. */
export const clusterHosts: readonly number[] = [...brokerHosts, clientHost, monitoringHost];
/** The only broker of the second site. Only the step `second-site` starts this host. */
export const secondSiteHost = 62;
/** Last number of the virtual address, which moves between the brokers. */
export const virtualHost = 100;

const subnet = '10.0.0';
/** Last number of the network bridge's address, from which this machine sends requests to the hosts. */
const bridgeNumber = 1;

/** Names and paths of a test bed. */
export interface TestBedLayout {
  /**
   * Name of the test bed. The network bridge's namespace has the same name; the names of the hosts' namespaces start
   * with it.
   */
  readonly name: string;
  /** Folder of all files of the test bed. */
  readonly directory: string;
  /** Read-only root file system that all hosts share. */
  readonly base: string;
  /** Path of the base image's archive, which contains Node. */
  readonly nodeBase: string;
  /** Path of the private ssh key. */
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

export const networkBridgeAddress = `${subnet}.${bridgeNumber}`;

export function addressOf(host: number): string {
  return `${subnet}.${host}`;
}

/** Returns the name of the network bridge's namespace, which has no route to other networks. */
export function bedNamespaceOf({ name }: TestBedLayout): string {
  return name;
}

export function namespaceOf({ name }: TestBedLayout, host: number): string {
  return `${name}-${host}`;
}
