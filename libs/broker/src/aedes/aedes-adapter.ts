import type { ConnectionId, Logger } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import type { Client, Connection } from 'aedes';
import { AedesStream } from './aedes-stream.ts';
import type { AedesStreamEvents } from './aedes-stream.ts';
import { BoundedEmitter } from './bounded-emitter.ts';
import { EmptyPersistence } from './empty-persistence.ts';

/**
 * The member replaces Aedes' heartbeat and its sweep of wills. This interval postpones both as long as
 * possible: the sweep runs at four times the interval, and Node runs a timer of 2^31 ms or more at once.
 */
const heartbeatIntervalMs = Math.floor((2 ** 31 - 1) / 4);

/** Aedes' end of one client connection, until Aedes has accepted the client. */
export interface AedesConnection {
  close(): void;
}

/**
 * Runs Aedes behind the guard, and contains all dependencies on Aedes' internals.
 *
 * Aedes sees each connection as an MQTT 3.1.1 clean session without a will, under the connection's number
 * instead of its client identifier. Aedes' own takeover, session expiry, queues, wills and retained messages
 * therefore have no effect, and client identifiers such as `__proto__` never become keys of Aedes' objects. Aedes handles
 * CONNECT only: the guard takes over where Aedes would register the client and send CONNACK. From then on Aedes would hold
 * objects and a timer for each client, and would open a queue of offline messages, which is always empty here.
 */
export class AedesAdapter {
  readonly #aedes: Aedes;
  readonly #logger: Logger;

  constructor(memberId: string, logger: Logger) {
    this.#logger = logger;
    this.#aedes = new Aedes({
      id: memberId,
      mq: new BoundedEmitter(),
      persistence: new EmptyPersistence((client) => streamOf(client as Client).finish()),
      heartbeatInterval: heartbeatIntervalMs,
      drainTimeout: 0,
      // The guard has authenticated the client, and the member has opened its session.
      authenticate: (_client, _userName, _password, done) => done(null, true),
      authorizePublish: (_client, _packet, done) => done(new Error('clients publish through the member')),
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

  /** Clients that Aedes has registered. More than 0 would be a leak: Aedes lets go of each client before. */
  get clients(): number {
    return this.#aedes.connectedClients;
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  openConnection(connection: ConnectionId, events: AedesStreamEvents): AedesConnection {
    const stream = new AedesStream(events);
    this.#aedes.handle(stream as unknown as Connection);
    stream.push(connectPacket(connection));
    return { close: () => stream.destroy() };
  }
}

/** Everything in CONNECT before the client identifier: MQTT 3.1.1, a clean session, no keep-alive. */
const connectHeader = Buffer.from([0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 0]);

function connectPacket(connection: ConnectionId): Buffer {
  const id = `c${connection}`;
  const bodyBytes = connectHeader.length + 2 + id.length;
  const packet = Buffer.allocUnsafe(2 + bodyBytes);
  packet.writeUInt8(0x10, 0);
  packet.writeUInt8(bodyBytes, 1);
  packet.set(connectHeader, 2);
  packet.writeUInt16BE(id.length, 2 + connectHeader.length);
  packet.write(id, 4 + connectHeader.length, 'latin1');
  return packet;
}

function streamOf(client: Client): AedesStream {
  const stream: unknown = client.conn;
  if (!(stream instanceof AedesStream)) throw new Error('the guard did not open this client');
  return stream;
}
