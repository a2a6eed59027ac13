import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Lifecycle, Logger, Revocations } from '@mqtt-cluster/contracts';
import type { GuardedRequest } from './cross-site.ts';

/** The result of a health or readiness check. `reason` explains a failure in one sentence. */
export interface CheckResult {
  readonly ok: boolean;
  readonly reason?: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 lets the system choose a free port (see `address()`). */
  readonly port: number;
  /** Serves HTTPS instead of HTTP. */
  readonly tls?: HttpTls;
  /**
   * Time without a byte in either direction after which a connection ends, except while the program prepares an answer, ms.
   * Default: 30 s.
   */
  readonly inactivityMs?: number;
  /** With `tls`: also serves HTTP at the same port. Default: false. */
  readonly plainToo?: boolean;
  /**
   * With `tls`: whether a plain connection from an address of this host comes from a program on this host. False if, for
   * example, a port forwarder passes connections of other hosts on. Default: true.
   */
  readonly trustsThisHost?: boolean;
  readonly logger: Logger;
  /** Renders `/metrics`. */
  readonly metrics: { render(): Promise<string>; readonly contentType: string };
  /** Check behind `/healthz`: the process works. A process that fails this check should be restarted. */
  readonly health: () => CheckResult;
  /** Check behind `/readyz`: clients may connect. */
  readonly ready: () => CheckResult;
  /** Returns the content of `/status`; the server encodes it as JSON. */
  readonly status: () => unknown;
  /** More paths for GET. Each function returns a JSON value, or a promise of a JSON value. */
  readonly pages?: Readonly<Record<string, () => unknown>>;
  /**
   * Handles all other paths and methods. Returns null when the path is unknown. The handler must authorize
   * the request.
   */
  readonly routes?: (request: HttpRequest) => Promise<HttpResponse> | null;
  /**
   * Checks each request and each upgrade before anything else, those of the pages above included. Returns the answer that
   * refuses it, or null. Default: none is refused.
   */
  readonly guard?: (request: GuardedRequest) => HttpResponse | null;
  /**
   * Takes over a request of a path that it knows, and answers it itself. Returns false for any other path. The guard has
   * accepted the request; the taker must authorize it.
   */
  readonly takeOver?: (exchange: HttpExchange) => boolean;
  /** Handles the upgrades of connections. Default: an upgrade is answered like a request. */
  readonly onUpgrade?: (upgrade: HttpUpgrade) => void;
}

/** A request to use the connection for another protocol. The guard of the server has accepted it. */
export interface HttpUpgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that the client has sent after the request. */
  readonly head: Buffer;
  readonly path: string;
  /** As in {@link HttpRequest}. */
  readonly isLocal: boolean;
  readonly address: string;
  readonly isPrivate: boolean;
  /** Answers the request with an error and closes the connection. */
  refuse(response: HttpResponse): void;
  /**
   * Gives up the place of the connection among those of the server, which no longer bounds it. Call it when another
   * component bounds the connection.
   */
  release(): void;
  /** Sets what ends the connection when the certificate of the client has been revoked. Default: its socket is destroyed. */
  onRevoked(end: () => void): void;
}

/** Key and certificate in PEM. With `ca`, a client must present a certificate of this authority. */
export interface HttpTls {
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  readonly ca?: string | Buffer;
  /** A revocation list of each authority in `ca`. Default: no certificate is revoked. */
  readonly revocations?: Revocations;
}

export interface HttpRequest {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /**
   * True if a program on this host sent the request directly: not through a proxy, and not from a page in a
   * browser.
   */
  readonly isLocal: boolean;
  /** IP address of the client; an IPv4-mapped address in its IPv4 form. */
  readonly address: string;
  /**
   * True if the connection is encrypted, or does not leave this host. A server with TLS regards a plain request through a
   * proxy as one of another host.
   */
  readonly isPrivate: boolean;
  /** True if the connection is encrypted. */
  readonly isSecure: boolean;
  /** True if a page in a browser may have sent the request, so that its credentials prove no intention. */
  readonly mayBeFromPage: boolean;
  /**
   * Reads the body as JSON. An empty body is an empty object.
   *
   * @throws HttpBodyError the body is not JSON, or is larger than 512 KiB
   */
  json(): Promise<unknown>;
}

/** A request, and the response that its taker writes. The connection counts as busy until the response ends. */
export interface HttpExchange extends Omit<HttpRequest, 'json'> {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface HttpResponse {
  readonly code: number;
  /** A value that is sent as JSON, or bytes that are sent unchanged. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The request body is not JSON or too large. The server sends the message to the HTTP client. */
export class HttpBodyError extends Error {}

export interface HttpServer extends Lifecycle {
  address(): { readonly host: string; readonly port: number };
  /**
   * Replaces key and certificates for new connections, and closes the open connections with a revoked certificate. Has no
   * effect on a server without TLS.
   */
  setTls(tls: HttpTls): void;
}
