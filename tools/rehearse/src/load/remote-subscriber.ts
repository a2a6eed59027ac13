import { join } from 'node:path';
import { ChildProgram } from '@mqtt-cluster/kit';
import { bedNamespaceOf, networkBridgeAddress } from '../bed/layout.ts';
import type { TestBedLayout } from '../bed/layout.ts';
import { getJson } from '../http.ts';
import { clientStatusSchema } from './client-counters.ts';
import type { ClientStatus } from './client-counters.ts';
import { z } from 'zod';
import type { SecureAccess } from './mosquitto.ts';
import type { PublisherStatus } from './publishing.ts';

const httpPort = 9130;
const stopMsMax = 5_000;

const statusSchema = clientStatusSchema.extend({
  /** Number of received messages that are no telemetry. */
  foreign: z.int(),
});

export interface RemoteSubscriberOptions {
  readonly layout: TestBedLayout;
  /** Folder of the program bundles. */
  readonly bundles: string;
  /** The broker, as `id=mqtts://host:port`. */
  readonly server: string;
  readonly access: SecureAccess;
  /** The publisher whose messages it receives. */
  readonly group: string;
}

/**
 * A subscriber of one publisher at a broker with TLS and users. It runs on this machine in the network of the hosts, outside of
 * their firewalls, so that its counters can be read.
 */
export class RemoteSubscriber {
  readonly #layout: TestBedLayout;
  readonly #program: ChildProgram;

  constructor({ layout, bundles, server, access, group }: RemoteSubscriberOptions) {
    this.#layout = layout;
    this.#program = new ChildProgram({
      command: 'ip',
      args: ['netns', 'exec', bedNamespaceOf(layout), process.execPath, join(bundles, 'client.mjs')],
      logFile: join(layout.directory, 'client-second-site.log'),
      environment: {
        ...process.env,
        MQTT_CLIENT_ID: `second-site-${process.pid}`,
        MQTT_CLIENT_GROUP: group,
        MQTT_CLIENT_SERVERS: server,
        MQTT_CLIENT_USERNAME: access.username,
        MQTT_CLIENT_PASSWORD: access.password,
        MQTT_CLIENT_TLS_CA: access.authorities,
        MQTT_CLIENT_HTTP_HOST: networkBridgeAddress,
        MQTT_CLIENT_HTTP_PORT: String(httpPort),
      },
    });
  }

  status(): Promise<z.output<typeof statusSchema>> {
    return getJson(this.#layout, `http://${networkBridgeAddress}:${httpPort}/status`, statusSchema);
  }

  stop(): Promise<void> {
    return this.#program.stop(stopMsMax);
  }
}

/**
 * Compares what a publisher has sent, and what a subscriber at another site has received of it.
 *
 * @param sent the last status of a publisher that has stopped
 * @returns the violations as sentences: none if each message has arrived, those of QoS 2 once and in order
 */
export function arrivalFaults(
  { sent, messages, refused, numbers }: Pick<PublisherStatus, 'sent' | 'messages' | 'refused' | 'numbers'>,
  { byQos, violations }: Pick<ClientStatus, 'byQos' | 'violations'>,
): string[] {
  const found = [...violations];
  if (refused > 0 || messages !== sent)
    found.push(`the cluster has acknowledged ${messages} of ${sent} messages, and refused ${refused}`);
  for (const [index, expected] of numbers.entries()) {
    const qos = index + 1;
    const { received = 0, duplicates = 0 } = byQos[qos] ?? {};
    const arrived = received - duplicates;
    if (arrived !== expected)
      found.push(`QoS ${qos}: ${arrived} messages have arrived, and ${expected} were acknowledged`);
  }
  return found;
}
