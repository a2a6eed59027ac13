import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkItem } from '@mqtt-cluster/api';
import { until } from '@mqtt-cluster/testing';
import { connectAsync } from 'mqtt';
import type { MqttClient } from 'mqtt';
import type { ApiClient } from './api-client.ts';
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

/** Returns a link as a member reports it. The link must be defined. */
export async function linkOf(api: ApiClient, name: string): Promise<LinkItem> {
  const { links } = await api.ok<{ links: LinkItem[] }>('listLinks', 'GET', '/links');
  return links.find((each) => each.name === name)!;
}

/** Defines a link. An election on a busy machine makes the member refuse the change for a moment. */
export async function putLink(api: ApiClient, name: string, definition: object): Promise<void> {
  await until(async () => (await api.send('PUT', `/links/${name}`, definition)).status === 200);
}

/** Removes all links. The removal has several steps: if only the last one was refused, the repetition finds no link. */
export async function removeLinks(api: ApiClient): Promise<void> {
  const { links } = await api.ok<{ links: LinkItem[] }>('listLinks', 'GET', '/links');
  for (const { name } of links)
    await until(async () => [200, 404].includes((await api.send('DELETE', `/links/${name}`)).status));
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
