import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Broker, ConnectionOrigin } from '@mqtt-cluster/broker';
import type { AccessSubject, Authenticator, MemberId } from '@mqtt-cluster/contracts';
import { httpListenerName } from '../../admin/access/admin-access.ts';
import type { ClientAuthentication } from '../../authentication/client-authentication.ts';
import { internalListeners } from '../../authentication/internal-listeners.ts';
import { streamPair } from '../../health/stream-pair.ts';
import type { Caller } from '../http/handler.ts';
import { LocalClient } from './local-client.ts';
import type { LocalClientOptions } from './local-client.ts';

/** On these connections no rule applies. */
const internalOrigin: Partial<ConnectionOrigin> = { listener: internalListeners.publisher };

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
    options: Omit<LocalClientOptions, 'open' | 'clientId'> = {},
  ): Promise<LocalClient> {
    const open = (onQos0Refused: (reasonCode: number) => void): Duplex => {
      const [client, served] = streamPair();
      const origin = subject === undefined ? internalOrigin : this.#originOf(subject, address);
      this.#options.broker().handle(served, { ...origin, onQos0Refused });
      return client;
    };
    return LocalClient.connect({ open, clientId: this.#newClientId(), ...options });
  }

  #originOf(subject: AccessSubject, address: string): Partial<ConnectionOrigin> {
    const { authentication } = this.#options;
    const authenticator: Authenticator = {
      authenticate: ({ client, address: from, listener }) =>
        Promise.resolve({
          accepted: true,
          subject: authentication.subjectFor(subject, { client, address: from, listener }),
        }),
    };
    return { listener: httpListenerName, address, authenticator };
  }

  #newClientId(): string {
    return `api.${this.#options.self}.${randomUUID()}`;
  }
}
