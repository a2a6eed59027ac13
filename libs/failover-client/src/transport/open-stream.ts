import { connect as connectTcp, isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { WebSocket } from 'ws';
import { parseAddress, usesTls, usesWebSocket } from '../servers/address.ts';
import type { ClientStream, TlsOptions } from '../types.ts';
import { WebSocketStream } from './websocket-stream.ts';

/** WebSocket subprotocol of MQTT [MQTT-6.0.0-3]. */
const subprotocol = 'mqtt';

/**
 * Opens a connection to a server URL: TCP, TLS, or a WebSocket over one of them. The stream emits errors as events.
 *
 * @param messageBytesMax bound on the bytes of one message of a WebSocket, by default 100 MiB; a longer one ends the
 *   stream with an error
 * @throws Error the certificates or the key are unusable
 */
export function openStream(url: string, tls: TlsOptions = {}, messageBytesMax?: number): ClientStream {
  const { scheme, host, port } = parseAddress(url);
  if (usesWebSocket(scheme)) {
    return new WebSocketStream(
      new WebSocket(url, subprotocol, {
        ...(usesTls(scheme) ? tlsOptions(host, tls) : {}),
        perMessageDeflate: false,
        ...(messageBytesMax !== undefined && { maxPayload: messageBytesMax }),
        autoPong: true,
      }),
    );
  }
  const socket = usesTls(scheme)
    ? connectTls({ host, port, ...tlsOptions(host, tls) })
    : connectTcp({ host, port });
  // Acknowledgements are small, and a publisher waits for each of them.
  socket.setNoDelay(true);
  return socket;
}

/** Returns a stream that ends with the error at once, for an attempt that fails before it opens a connection. */
export function failedStream(error: Error): ClientStream {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  process.nextTick(() => stream.destroy(error));
  return Object.assign(stream, { bytesRead: 0 });
}

/** Returns the options of Node. The certificate of the server must be valid for its host name or IP address. */
export function tlsOptions(
  host: string,
  { ca, cert, key, serverName, checkServerName = true }: TlsOptions,
): ConnectionOptions {
  const pem = (text: string | Uint8Array): string | Buffer =>
    typeof text === 'string' ? text : Buffer.from(text);
  const name = serverName ?? host;
  return {
    ...(ca === undefined ? {} : { ca: pem(ca) }),
    ...(cert === undefined ? {} : { cert: pem(cert) }),
    ...(key === undefined ? {} : { key: pem(key) }),
    // Server Name Indication allows no IP address (RFC 6066, 3).
    ...(isIP(name) ? {} : { servername: name }),
    ...(checkServerName ? {} : { checkServerIdentity: () => undefined }),
  };
}
