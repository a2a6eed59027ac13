import type { Socket } from 'node:net';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { LinkDefinition } from '@mqtt-cluster/contracts';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Credentials } from '../remote/credential-files.ts';
import { serverFault } from './server-faults.ts';

/** Time for the connection, ms. */
const connectMsMax = 5_000;
/** Time for an answer of the server, ms. */
const answerMsMax = 5_000;

/** A connection to a NATS server with JetStream. */
export interface JetstreamConnection {
  readonly nats: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/** The NATS client with its socket, which is not a part of its interface. */
interface ClientWithSocket {
  readonly protocol?: { readonly transport?: { readonly socket?: Socket } };
}

/**
 * Keeps a listener for errors at the socket. The client removes all listeners when it closes a connection, also while a
 * write to a server that has ended it fails: without a listener, this error would end the process.
 */
function keepErrorListener(nats: NatsConnection): void {
  const socket = (nats as ClientWithSocket).protocol?.transport?.socket;
  if (socket === undefined) return;
  const removeAll = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (name) => {
    removeAll(name);
    return socket.on('error', () => undefined);
  };
}

export interface NatsOptions {
  readonly url: string;
  /** Name of the connection, for the operators of the server. */
  readonly name: string;
  readonly definition: LinkDefinition;
  readonly credentials: Credentials;
}

/**
 * Opens one connection. It does not reconnect by itself, so that only the current runner of a link connects.
 * @throws Error with one sentence
 */
export async function openNats({
  url,
  name,
  definition,
  credentials,
}: NatsOptions): Promise<JetstreamConnection> {
  const { keepAliveSeconds, username } = definition;
  const { password, tls } = credentials;
  const { hostname, port, protocol } = new URL(url);
  try {
    const nats = await connect({
      servers: `${hostname}:${port === '' ? '4222' : port}`,
      name,
      reconnect: false,
      ignoreClusterUpdates: true,
      noAsyncTraces: true,
      timeout: connectMsMax,
      pingInterval: (keepAliveSeconds * 1_000) / 2,
      maxPingOut: 2,
      ...(username !== undefined && { user: username }),
      ...(password !== undefined && { pass: password.toString() }),
      ...(protocol === 'tls:' && {
        tls: {
          ...(tls.ca !== undefined && { ca: tls.ca.toString() }),
          ...(tls.cert !== undefined && { cert: tls.cert.toString() }),
          ...(tls.key !== undefined && { key: tls.key.toString() }),
          ...(tls.serverName !== undefined && { servername: tls.serverName }),
        },
      }),
    });
    keepErrorListener(nats);
    const client = jetstream(nats, { timeout: answerMsMax });
    return { nats, client, manager: await jetstreamManager(nats, { timeout: answerMsMax, checkAPI: false }) };
  } catch (cause) {
    throw new Error(serverFault(cause), { cause });
  }
}
