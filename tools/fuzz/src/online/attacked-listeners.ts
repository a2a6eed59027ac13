import { freePort } from '@mqtt-cluster/kit';
import { TestAuthority } from '@mqtt-cluster/testing';

/** Ports of the listeners that a member has beside its plain one. All members use the same ports at their addresses. */
export interface AttackPorts {
  readonly tls: number;
  readonly ws: number;
  readonly wss: number;
  readonly proxy: number;
}

export async function chooseAttackPorts(): Promise<AttackPorts> {
  return { tls: await freePort(), ws: await freePort(), wss: await freePort(), proxy: await freePort() };
}

/**
 * Returns the setting `mqtt.listeners` of a member with every kind of listener. `{mqttPort}` stands for the port of the
 * plain listener (see `lab --set`).
 *
 * @param folder where the certificates are written; needs `openssl`
 */
export function attackedListeners(ports: AttackPorts, folder: string): string {
  const { certFile, keyFile } = new TestAuthority(folder, `authority-${process.pid}`).issue('server', {
    alternativeNames: 'DNS:localhost,IP:127.0.0.1',
  });
  const tls = { key: keyFile, cert: certFile };
  const listeners = [
    { name: 'default', kind: 'tcp', port: '{mqttPort}' },
    { name: 'tls', kind: 'tls', port: ports.tls, tls },
    { name: 'ws', kind: 'ws', port: ports.ws },
    { name: 'wss', kind: 'wss', port: ports.wss, tls },
    { name: 'proxy', kind: 'tcp', port: ports.proxy, proxy: ['127.0.0.0/8'] },
  ];
  const settings = listeners.map((listener) => ({
    ...listener,
    authentication: ['cluster', 'passwordFile'],
    anonymous: true,
  }));
  return JSON.stringify(settings).replace('"{mqttPort}"', '{mqttPort}');
}
