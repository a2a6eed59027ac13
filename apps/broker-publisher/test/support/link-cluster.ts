import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import { TestCluster } from './test-cluster.ts';

/** Starts members that may run links. The credential files of member `ID` belong into `links/ID` of its directory. */
export async function startLinkCluster(ids: readonly string[]): Promise<TestCluster> {
  const cluster = await TestCluster.create(ids);
  const starts = ids.map((id) => {
    const directory = join(cluster.directory, 'links', id);
    mkdirSync(directory, { recursive: true });
    return cluster.start(id, { links: { directory } });
  });
  await Promise.all(starts);
  await cluster.serving(...ids);
  return cluster;
}

/** Connects a client of MQTT 5. Without `clean` its session outlives the connection. */
export function connectClient(url: string, clientId: string, clean: boolean): Promise<MqttClient> {
  return connectAsync(url, {
    clientId,
    clean,
    protocolVersion: 5,
    reconnectPeriod: 100,
    ...(!clean && { properties: { sessionExpiryInterval: 3_600 } }),
  });
}
