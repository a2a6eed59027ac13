import { CommandError, UsageError } from '../program/errors.ts';

const certificateRequired = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';

/** Returns the reason of a failed request in a few words. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  if (error instanceof AggregateError) return reasonOf(error.errors[0]);
  if (code === certificateRequired) return 'it demands a client certificate: add --cert FILE and --key FILE';
  if (message !== undefined && message !== '') return message;
  return typeof code === 'string' ? code : String(error);
}

const untrusted = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
]);

/**
 * Returns the error of a request that no response answered.
 *
 * @param hasCertificate whether the connection presents a client certificate
 */
export function unanswered(server: string, cause: unknown, hasCertificate: boolean): CommandError {
  const { code, name } = cause as { code?: string; name?: string };
  if (name === 'TimeoutError' || name === 'AbortError')
    return new CommandError(`${server} does not answer: is its member overloaded or stopped?`, { cause });
  if (code !== undefined && untrusted.has(code))
    return new CommandError(
      `the certificate of ${server} is not trusted: name the authority of the cluster with --ca FILE`,
      { cause },
    );
  if (code === certificateRequired) return new CommandError(`${server}: ${reasonOf(cause)}`, { cause });
  return new CommandError(
    `${server} does not answer: ${reasonOf(cause)}; ${hintOf(server, code, hasCertificate)} (--server sets another address)`,
    { cause },
  );
}

/** Returns what may be wrong. A member serves HTTP, HTTPS or both at its port. */
function hintOf(server: string, code: string | undefined, hasCertificate: boolean): string {
  if (code === 'ECONNREFUSED') return 'is the member running?';
  // A server that does not accept a certificate closes the connection without a reason.
  if (hasCertificate && server.startsWith('https:') && code === 'ECONNRESET')
    return 'is the member running, and does it accept the certificate of --cert (http.tls.ca, http.tls.crl)?';
  if (server.startsWith('https:')) return 'is the member running, and does it serve HTTPS (http.tls)?';
  return 'is the member running, or does it serve HTTPS only (http.tls)?';
}

interface Problem {
  readonly detail: string;
  readonly later?: boolean;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && typeof (body as Problem).detail === 'string';
}

/** Returns a sentence of the API with the names that a person gives to this program. */
function inTermsOfCommands(sentence: string): string {
  return sentence
    .replace(/^the (query parameter|field|part of the path) (?=\w)/, '')
    .replace(/^the body has no field/, 'there is no setting or option')
    .replace(/\bGET \/(members|clients|retained|users|rules) lists /, 'the command "$1" lists ');
}

/** Returns the error of a response with a status of 400 or more. */
export function rejectionOf(server: string, status: number, body: unknown): CommandError {
  if (isProblem(body)) {
    const sentence = inTermsOfCommands(body.detail);
    // The server found an argument invalid.
    if (status === 400) return new UsageError(sentence);
    const hint = status === 401 ? ' (--token-file, --user or MQTT_CLUSTER_TOKEN_FILE)' : '';
    return new CommandError(`${sentence}${hint}`, undefined, body.later === true);
  }
  if (status === 404)
    return new CommandError(`${server} has no HTTP API, version 1: update its member, or ask another one`);
  return new CommandError(`${server} answered with HTTP status ${status}`);
}
