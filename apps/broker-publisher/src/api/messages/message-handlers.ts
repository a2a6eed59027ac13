import { streamSecondsDefault, subscribeMessagesMax } from '@mqtt-cluster/api';
import type { PropertiesItem, ReceivedMessage } from '@mqtt-cluster/api';
import type { QoS } from '@mqtt-cluster/contracts';
import type { IPublishPacket } from 'mqtt-packet';
import { eventStream } from '../http/event-stream.ts';
import type { StreamEvent } from '../http/event-stream.ts';
import type { ApiHandlers } from '../http/handler.ts';
import type { LocalClients } from './local-clients.ts';
import { MessageQueue } from './message-queue.ts';

/** Messages that the broker may send before the stream has taken them. */
const receiveMaximum = 32;
const msPerSecond = 1_000;

/** Returns the handlers of the operations on messages. */
export function messageHandlers(clients: LocalClients): ApiHandlers<'publish' | 'subscribe'> {
  return {
    publish: async ({ body, caller, exchange }) => {
      const { topic, payload, encoding, qos, retain, properties } = body;
      const client = await clients.openAs(caller!, exchange.address);
      try {
        const { acknowledged, noSubscribers } = await client.publish({
          topic,
          payload: Buffer.from(payload, encoding),
          qos,
          retain,
          ...(properties && { properties: packetProperties(properties as PropertiesItem) }),
        });
        return { acknowledged, ...(noSubscribers && { noSubscribers }) };
      } finally {
        client.end();
      }
    },
    subscribe: async ({ query, caller, exchange }) => {
      const { filter, qos = 0, max = subscribeMessagesMax, seconds = streamSecondsDefault } = query;
      const queue = new MessageQueue<ReceivedMessage>(max);
      const client = await clients.openAs(caller!, exchange.address, {
        receiveMaximum,
        onMessage: (packet) => queue.push(messageOf(packet)),
        onClose: () => queue.end(),
      });
      try {
        await client.subscribe(filter, qos as QoS);
      } catch (error) {
        client.end();
        throw error;
      }
      const timer = setTimeout(() => queue.end(), seconds * msPerSecond);
      exchange.response.once('close', () => queue.end());
      return eventStream(
        streamOf(queue, () => {
          clearTimeout(timer);
          client.end();
        }),
      );
    },
  };
}

async function* streamOf(queue: MessageQueue<ReceivedMessage>, end: () => void): AsyncGenerator<StreamEvent> {
  try {
    for await (const data of queue.items()) yield { data };
    if (queue.lost > 0) yield { event: 'lost', data: { messages: queue.lost } };
  } finally {
    end();
  }
}

function messageOf({ topic, payload, qos, retain }: IPublishPacket): ReceivedMessage {
  return { topic, payload: Buffer.from(payload as Buffer).toString('base64'), qos, retain };
}

function packetProperties(properties: PropertiesItem): NonNullable<IPublishPacket['properties']> {
  const { correlationData, userProperties, ...others } = properties;
  return {
    ...(others as IPublishPacket['properties']),
    ...(correlationData !== undefined && { correlationData: Buffer.from(correlationData, 'base64') }),
    ...(userProperties !== undefined && { userProperties: multiMap(userProperties) }),
  };
}

/** Returns the form of user properties that the packet encoder expects: a name with several values has an array. */
function multiMap(pairs: readonly (readonly string[])[]): Record<string, string[]> {
  const values: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const [name = '', value = ''] of pairs) (values[name] ??= []).push(value);
  return values;
}
