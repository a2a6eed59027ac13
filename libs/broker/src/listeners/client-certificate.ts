import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '@mqtt-cluster/contracts';

/**
 * Returns the certificate that the client has presented, or undefined without one. The caller must have verified the
 * certificate.
 */
export function clientCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const { subject, subjectaltname } = socket.getPeerCertificate();
  // Without a certificate of the client, Node returns an empty object.
  if (subject === undefined) return undefined;
  // A subject with several common names has an array. Such a subject names no single user.
  const commonName: unknown = subject.CN;
  return {
    ...(typeof commonName === 'string' && { commonName }),
    alternativeNames: alternativeNames(subjectaltname ?? ''),
  };
}

/**
 * Parses the text form of a Subject Alternative Name, such as `DNS:a.example, URI:urn:b`. Node encloses a name with
 * special characters, such as a comma, in double quotes with the escapes of JSON.
 */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const [, kind, quoted, plain] of text.matchAll(
    /(?:^|, )([^:,"]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))/gy,
  )) {
    if (kind !== 'DNS' && kind !== 'email' && kind !== 'URI') continue;
    const name: unknown = quoted === undefined ? plain : unquoted(quoted);
    if (typeof name === 'string' && name !== '') names.push(name);
  }
  return names;
}

function unquoted(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
