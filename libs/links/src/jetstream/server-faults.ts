import { JetStreamApiError } from '@nats-io/jetstream';
import { errors, RequestError } from '@nats-io/transport-node';
import { failureText } from '../remote/reasons.ts';
import type { StreamRefusal } from './outgoing-types.ts';

/** Codes of JetStream for a message that the stream will never accept: it is too large. */
const tooLargeCodes: ReadonlySet<number> = new Set([10_054]);
/** The subject belongs to another stream, or to none. */
const otherStreamCodes: ReadonlySet<number> = new Set([10_060, 10_059]);
/** HTTP-like status of an answer by a server that cannot reach the stream now. */
const unavailableStatus = 503;

/** Characters of a text of the server that the status of a link shows. */
const serverTextMax = 200;

/** Returns what a failure of the connection, or of a request, means, in one sentence. */
export function serverFault(error: unknown): string {
  return shownText(faultOf(error));
}

/** Cuts a text of the server, and replaces its control characters. */
function shownText(text: string): string {
  const plain = text.replaceAll(/\p{Cc}/gu, '?');
  return plain.length > serverTextMax ? `${plain.slice(0, serverTextMax)}...` : plain;
}

function faultOf(error: unknown): string {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof errors.ProtocolError)
    return 'the server sent an answer that is not valid: check that a NATS server with JetStream listens at the address';
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return 'the server refused the connection: the user name or password is wrong';
  if ((error as Error).name === 'JetStreamNotEnabled' || isNoResponders(error))
    return 'JetStream does not answer: it is not enabled, or the stream has no leader';
  if (error instanceof errors.TimeoutError) return 'the server does not answer';
  if (error instanceof errors.PermissionViolationError) return `the user has no permission: ${error.message}`;
  if (error instanceof JetStreamApiError) return `JetStream refused a request: ${error.message}`;
  const { cause } = error as Error;
  return failureText(cause ?? error);
}

/** Returns what it means that the stream did not acknowledge a message. */
export function refusalOf(error: unknown): StreamRefusal {
  const cause = error instanceof RequestError ? error.cause : error;
  if (cause instanceof errors.PermissionViolationError)
    return { kind: 'final', text: 'the user has no permission for the subject' };
  if (!(error instanceof JetStreamApiError)) return { kind: 'connection', text: serverFault(error) };
  const { code, status } = error;
  const text = shownText(error.message);
  if (tooLargeCodes.has(code)) return { kind: 'final', isTooLarge: true, text };
  if (otherStreamCodes.has(code))
    return { kind: 'connection', text: `the subject belongs to another stream: ${text}` };
  return { kind: status === unavailableStatus && !isFull(text) ? 'connection' : 'temporary', text };
}

/** A full stream answers 503, too. It has room again when messages expire or are deleted. */
function isFull(text: string): boolean {
  return /maximum|insufficient|exceeded/.test(text);
}

function isNoResponders(error: unknown): boolean {
  return error instanceof RequestError && error.isNoResponders();
}
