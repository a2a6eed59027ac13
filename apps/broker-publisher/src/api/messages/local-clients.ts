import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Broker } from '@mqtt-cluster/broker';
import type { AccessSubject, Authenticator, MemberId } from '@mqtt-cluster/contracts';
import { httpListenerName } from '../../admin/access/admin-access.ts';
import type { ClientAuthentication } from '../../authentication/client-authentication.ts';
import { internalListeners } from '../../authentication/internal-listeners.ts';
import { streamPair } from '../../health/stream-pair.ts';
import type { Caller } from '../http/handler.ts';
import { LocalClient } from './local-client.ts';
import type { LocalClientOptions, LocalPublish } from './local-client.ts';

export interface LocalClientsOptions {
  readonly self: MemberId;
  readonly broker: () => Pick<Broker, 'handle'>;
  readonly authentication: Pick<ClientAuthentication, 'subjectFor'>;
}

/** Acknowledgements that the deletion of retained messages may wait for at the same time. */
const openPublishesMax = 64;

/** Opens clients of this member inside this process. */
export class LocalClients {
  readonly #options: LocalClientsOptions;

  constructor(options: LocalClientsOptions) {
    this.#options = options;
  }

  /** Opens a client with the rights of the caller. @throws ApiProblem */
  async openAs(
    { subject }: Caller,
    address: string,
    options: Omit<LocalClientOptions, 'stream' | 'clientId'> = {},
  ): Promise<LocalClient> {
    const stream = subject === undefined ? this.#internalStream() : this.#streamOf(subject, address);
    return LocalClient.connect({ stream, clientId: this.#newClientId(), ...options });
  }

  /** Ends the session of a client: a connection with the same client identifier replaces it. @throws ApiProblem */
  async endSession(clientId: string): Promise<void> {
    const client = await LocalClient.connect({ stream: this.#internalStream(), clientId });
    client.end();
  }

  /** Deletes retained messages. Returns their number. @throws ApiProblem */
  async clearRetained(topics: AsyncIterable<readonly string[]>): Promise<number> {
    const client = await LocalClient.connect({
      stream: this.#internalStream(),
      clientId: this.#newClientId(),
    });
    try {
      let deleted = 0;
      for await (const batch of topics) {
        for (let start = 0; start < batch.length; start += openPublishesMax) {
          const messages = batch.slice(start, start + openPublishesMax).map(emptyMessage);
          await Promise.all(messages.map((message) => client.publish(message)));
          deleted += messages.length;
        }
      }
      return deleted;
    } finally {
      client.end();
    }
  }

  /** Opens a stream on which no rule applies. */
  #internalStream(): Duplex {
    const [client, served] = streamPair();
    this.#options.broker().handle(served, { listener: internalListeners.publisher });
    return client;
  }

  #streamOf(subject: AccessSubject, address: string): Duplex {
    const { broker, authentication } = this.#options;
    const [stream, served] = streamPair();
    const authenticator: Authenticator = {
      authenticate: ({ client, address: from, listener }) =>
        Promise.resolve({
          accepted: true,
          subject: authentication.subjectFor(subject, { client, address: from, listener }),
        }),
    };
    broker().handle(served, { listener: httpListenerName, address, authenticator });
    return stream;
  }

  #newClientId(): string {
    return `api.${this.#options.self}.${randomUUID()}`;
  }
}

function emptyMessage(topic: string): LocalPublish {
  return { topic, payload: Buffer.alloc(0), qos: 1, retain: true };
}
