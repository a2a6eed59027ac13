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
import type { LocalClientOptions } from './local-client.ts';

export interface LocalClientsOptions {
  readonly self: MemberId;
  readonly broker: () => Pick<Broker, 'handle'>;
  readonly authentication: Pick<ClientAuthentication, 'subjectFor'>;
}

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
