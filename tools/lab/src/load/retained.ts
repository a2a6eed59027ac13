import { Connection } from './connection.ts';
import type { Server } from './connection.ts';
import type { RetainedView } from './history.ts';
import type { Content, PublisherOptions } from './publisher.ts';
import { Publisher } from './publisher.ts';

const topicsOfWriter = 12;
const clearShare = 0.3;
/** Retained messages come at once after SUBACK; a pause of this length ends a look. */
const quietMs = 300;
const lookMsMax = 5_000;

/** Sets and clears retained messages on topics that nobody else writes, with QoS 1. */
export class RetainedWriter {
  readonly publisher: Publisher;
  /** Topic to the last payload, acknowledged or not; empty for a delete. */
  readonly written = new Map<string, string>();

  constructor(options: Omit<PublisherOptions, 'qos' | 'content'> & { readonly topicPrefix: string }) {
    const { id, random, topicPrefix } = options;
    const content = (number: number): Content => {
      const topic = `${topicPrefix}${id}/${Math.floor(random() * topicsOfWriter)}`;
      const payload = random() < clearShare ? '' : `${id} ${number}`;
      this.written.set(topic, payload);
      return { topic, payload, retain: true };
    };
    this.publisher = new Publisher({ ...options, qos: 1, content });
  }
}

/** What a new subscriber gets from one member. An empty map with an `error` topic when it can't be asked. */
export function lookAtRetained(server: Server, clientId: string, filter: string): Promise<RetainedView> {
  return new Promise((resolve) => {
    const found = new Map<string, string>();
    let quiet: NodeJS.Timeout | null = null;
    const finish = (): void => {
      clearTimeout(limit);
      if (quiet !== null) clearTimeout(quiet);
      connection.disconnect();
      resolve({ member: server.id, found });
    };
    const limit = setTimeout(finish, lookMsMax);
    const wait = (): void => {
      if (quiet !== null) clearTimeout(quiet);
      quiet = setTimeout(finish, quietMs);
    };
    const packet = {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId,
      clean: true,
      keepalive: 10,
    } as const;
    const connection: Connection = new Connection(server, packet, {
      onConnected: () =>
        connection.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 0 }] }),
      onPacket: (received) => {
        if (received.cmd === 'publish' && received.retain)
          found.set(received.topic, received.payload.toString());
        wait();
      },
      onClosed: (reason) => {
        found.clear();
        found.set('error', reason);
        finish();
      },
    });
  });
}
