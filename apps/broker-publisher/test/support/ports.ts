import { freePorts as reserve } from '@mqtt-cluster/testing';

export interface Ports {
  readonly mqtt: number;
  readonly http: number;
  readonly cluster: number;
}

/** Returns the ports of one appliance on the test's own loopback address. */
export async function freePorts(): Promise<Ports> {
  const [mqtt, http, cluster] = await reserve(3);
  return { mqtt: mqtt!, http: http!, cluster: cluster! };
}
