import type { ConnectionId, Logger } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import type { Client } from 'aedes';
import { generate } from 'mqtt-packet';
import { AedesStream } from './aedes-stream.ts';
import type { AedesStreamEvents } from './aedes-stream.ts';
import { BoundedEmitter } from './bounded-emitter.ts';
import { EmptyPersistence } from './empty-persistence.ts';

/**
 * The member replaces Aedes' heartbeat and its sweep of wills. This interval postpones both as long as
 * possible: the sweep runs at four times the interval, and Node runs a timer of 2^31 ms or more at once.
 */
const heartbeatIntervalMs = Math.floor((2 ** 31 - 1) / 4);

/** Parts of Aedes' client that its types omit. */
interface ClientInternals {
  readonly _keepaliveTimer: NodeJS.Timeout | null;
}

/** Parts of Aedes that its types omit. */
interface AedesInternals {
  deleteClient(id: string): void;
}

/** Aedes' end of one client connection. */
export interface AedesConnection {
  /** Passes a PINGREQ to Aedes. */
  ping(): void;
  /**
   * Restarts the keep-alive timer [MQTT-3.1.2-24]. The guard calls this, because Aedes receives few packets.
   */
  touch(): void;
  close(): void;
}

/**
 * Runs Aedes behind the guard, and contains all dependencies on Aedes' internals.
 *
 * Aedes sees each connection as an MQTT 3.1.1 clean session without a will, under the connection's number
 * instead of its client identifier. Aedes' own takeover, session expiry, queues, wills and retained messages
 * therefore have no effect, and client identifiers such as `__proto__` never become keys of Aedes' objects.
 */
export class AedesAdapter {
  readonly #aedes: Aedes;
  readonly #logger: Logger;

  constructor(memberId: string, logger: Logger) {
    this.#logger = logger;
    this.#aedes = new Aedes({
      id: memberId,
      mq: new BoundedEmitter(),
      persistence: new EmptyPersistence(),
      heartbeatInterval: heartbeatIntervalMs,
      drainTimeout: 0,
      authenticate: (client, _userName, _password, done) => {
        streamOf(client).events.onAuthenticate(() => done(null, true));
      },
      authorizePublish: (_client, _packet, done) => done(new Error('clients publish through the member')),
    });
    this.#aedes.on('keepaliveTimeout', (client: Client) => streamOf(client).events.onKeepAliveTimeout());
    this.#aedes.on('client', (client: Client) => {
      // A stream that closes between the acceptance and this event has no later event that removes the client.
      if (client.closed) (this.#aedes as unknown as AedesInternals).deleteClient(client.id);
    });
    for (const event of ['clientError', 'connectionError'] as const) {
      this.#aedes.on(event, (client: Client, error: Error) => {
        this.#logger.debug(
          { connection: client.id, error: error.message },
          'Aedes closed a connection because of an error',
        );
      });
    }
    // Aedes emits this event when a persistence fails. EmptyPersistence never fails.
    (this.#aedes as NodeJS.EventEmitter).on('error', (error: Error) => {
      this.#logger.error({ error: error.message }, 'Aedes reported an internal error');
    });
  }

  /** Clients that Aedes has registered. */
  get clients(): number {
    return this.#aedes.connectedClients;
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  /** Opens a connection. `keepAlive` is in seconds; 0 disables the keep-alive timer. */
  openConnection(connection: ConnectionId, keepAlive: number, events: AedesStreamEvents): AedesConnection {
    const stream = new AedesStream(events);
    stream.on('error', () => undefined); // `onClosed` reports the end of the stream.
    const client = this.#aedes.handle(stream);
    stream.push(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: `c${connection}`,
        clean: true,
        keepalive: keepAlive,
      }),
    );
    return {
      ping: () => stream.push(pingreq),
      touch: () => (client as unknown as ClientInternals)._keepaliveTimer?.refresh(),
      close: () => stream.destroy(),
    };
  }
}

const pingreq = Buffer.from([0xc0, 0]);

function streamOf(client: Client): AedesStream {
  const stream = client.conn;
  if (!(stream instanceof AedesStream)) throw new Error('the guard did not open this client');
  return stream;
}
