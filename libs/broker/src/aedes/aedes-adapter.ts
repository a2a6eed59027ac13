import type { ConnectionId, Logger } from '@mqtt-cluster/contracts';
import { Aedes } from 'aedes';
import type { Client } from 'aedes';
import { generate } from 'mqtt-packet';
import { AedesSide } from './aedes-stream.ts';
import type { AedesSideEvents } from './aedes-stream.ts';
import { EmptyPersistence } from './empty-persistence.ts';
import { Router } from './emitter.ts';

/**
 * Aedes' heartbeat and sweep of wills, which the member's own replace, are put off for as long as a timer
 * can be (the sweep is every fourth; a timer of 2^31 ms or more fires at once).
 */
const heartbeatIntervalMs = Math.floor((2 ** 31 - 1) / 4);

/** The parts of Aedes' client that its types leave out. */
interface ClientInternals {
  readonly _keepaliveTimer: NodeJS.Timeout | null;
}

export interface AedesConnection {
  /** Hands PINGREQ to Aedes. */
  ping(): void;
  /** The client has been heard [MQTT-3.1.2-24]; Aedes sees only some of its packets. */
  touch(): void;
  close(): void;
}

/**
 * All that is known of Aedes' insides. Aedes is told of each connection under its number instead of its
 * client id, as an MQTT 3.1.1 clean session without a will: so its own takeover, session expiry, queues,
 * wills and retained messages have nothing to act on, and names such as `__proto__` never become keys of
 * its objects.
 */
export class AedesShell {
  readonly #aedes: Aedes;
  readonly #logger: Logger;

  constructor(memberId: string, logger: Logger) {
    this.#logger = logger;
    this.#aedes = new Aedes({
      id: memberId,
      mq: new Router(),
      persistence: new EmptyPersistence(),
      heartbeatInterval: heartbeatIntervalMs,
      drainTimeout: 0,
      authenticate: (client, _userName, _password, done) => {
        sideOf(client).events.onAuthenticate(() => done(null, true));
      },
      authorizePublish: (_client, _packet, done) => done(new Error('clients publish through the member')),
    });
    this.#aedes.on('keepaliveTimeout', (client: Client) => sideOf(client).events.onKeepAliveTimeout());
    for (const event of ['clientError', 'connectionError'] as const) {
      this.#aedes.on(event, (client: Client, error: Error) => {
        this.#logger.debug({ connection: client.id, error: error.message }, 'Aedes closed a connection');
      });
    }
    // Emitted only when a persistence fails; ours has nothing that could.
    (this.#aedes as NodeJS.EventEmitter).on('error', (error: Error) => {
      this.#logger.error({ error: error.message }, 'Aedes failed');
    });
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  /** `keepAlive`: seconds; 0 is never. */
  open(connection: ConnectionId, keepAlive: number, events: AedesSideEvents): AedesConnection {
    const side = new AedesSide(events);
    side.on('error', () => undefined); // told by `close`
    const client = this.#aedes.handle(side);
    side.push(
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
      ping: () => side.push(pingreq),
      touch: () => (client as unknown as ClientInternals)._keepaliveTimer?.refresh(),
      close: () => side.destroy(),
    };
  }
}

const pingreq = Buffer.from([0xc0, 0]);

function sideOf(client: Client): AedesSide {
  const side = client.conn;
  if (!(side instanceof AedesSide)) throw new Error('a client that the guard did not open');
  return side;
}
