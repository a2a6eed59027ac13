import { verify } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';

const revocationListPattern = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;

/** Tags of ASN.1 (X.690, 8.1.2). */
const tags = { sequence: 0x30, integer: 0x02, utcTime: 0x17, generalizedTime: 0x18 } as const;

/** Hashes of the signature algorithms of authorities, by the DER of their object identifiers (RFC 5758, RFC 8017, RFC 8410). */
const signatureHashes: Readonly<Record<string, string | null>> = {
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2b6570': null,
};

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/** One certificate revocation list (RFC 5280, 5.1). Node has no parser for revocation lists. */
export class RevocationList {
  readonly #signed: Buffer;
  readonly #algorithm: string;
  readonly #signature: Buffer;
  readonly #issuer: Buffer;
  readonly #serials: ReadonlySet<string>;
  /** Time after which OpenSSL refuses every certificate of the authority, seconds since 1970; null if the list names none. */
  readonly nextUpdateSeconds: number | null;

  private constructor(list: Element) {
    const [body, algorithm, signature] = elementsOf(list.content);
    const fields = childrenOf(body);
    if (fields[0]?.tag === tags.integer) fields.shift();
    const [, issuer, , ...rest] = fields;
    const next = rest[0] === undefined ? NaN : secondsOf(rest[0]);
    const entries = rest.find(({ tag }) => tag === tags.sequence);
    this.#signed = body?.whole ?? Buffer.alloc(0);
    this.#algorithm = childrenOf(algorithm)[0]?.content.toString('hex') ?? '';
    // The first byte of a BIT STRING counts its unused bits.
    this.#signature = signature?.content.subarray(1) ?? Buffer.alloc(0);
    this.#issuer = issuer?.whole ?? Buffer.alloc(0);
    this.#serials = new Set(childrenOf(entries).map((entry) => hexOf(childrenOf(entry)[0])));
    this.nextUpdateSeconds = Number.isFinite(next) ? next : null;
  }

  /** Returns the lists in a PEM text. A list that cannot be decoded is skipped. */
  static allOf(pem: string): RevocationList[] {
    return [...pem.matchAll(revocationListPattern)].flatMap(([, base64 = '']) => {
      const list = elementsOf(Buffer.from(base64, 'base64'))[0];
      return list?.tag === tags.sequence ? [new RevocationList(list)] : [];
    });
  }

  /** Returns whether the list revokes this certificate. Certificates above it in its chain do not count. */
  contains(certificate: X509Certificate): boolean {
    const { serial, issuer } = fieldsOf(certificate);
    return this.#issuer.equals(issuer) && this.#serials.has(serial);
  }

  isNamedAfter(authority: X509Certificate): boolean {
    return this.#issuer.equals(fieldsOf(authority).subject);
  }

  /** Returns whether the authority has signed the list. OpenSSL alone checks signatures of unusual algorithms. */
  isSignedBy({ publicKey }: X509Certificate): boolean {
    const hash = signatureHashes[this.#algorithm];
    if (hash === undefined) return true;
    try {
      return verify(hash, this.#signed, publicKey, this.#signature);
    } catch {
      return false;
    }
  }
}

/** Returns the times of the next updates of the revocation lists in a PEM text, seconds since 1970. */
export function nextUpdatesOf(pem: string): readonly number[] {
  return RevocationList.allOf(pem).flatMap(({ nextUpdateSeconds }) => nextUpdateSeconds ?? []);
}

function fieldsOf({ raw }: X509Certificate): { serial: string; issuer: Buffer; subject: Buffer } {
  const fields = childrenOf(childrenOf(elementsOf(raw)[0])[0]);
  // TBSCertificate: version (absent in version 1), serialNumber, signature, issuer, validity, subject (RFC 5280, 4.1).
  if (fields[0]?.tag !== tags.integer) fields.shift();
  const [serial, , issuer, , subject] = fields;
  return {
    serial: hexOf(serial),
    issuer: issuer?.whole ?? Buffer.alloc(0),
    subject: subject?.whole ?? Buffer.alloc(0),
  };
}

function hexOf(element: Element | undefined): string {
  return element?.content.toString('hex') ?? '';
}

function childrenOf(element: Element | undefined): Element[] {
  return element?.tag === tags.sequence ? elementsOf(element.content) : [];
}

/** Returns the elements of DER that follow each other, up to the first one that is incomplete. */
function elementsOf(bytes: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const first = bytes[at + 1]!;
    // From 0x80 on, the length takes as many bytes as the lower bits state.
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const start = at + 2 + lengthBytes;
    if (lengthBytes > 4 || start > bytes.length) break;
    const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes);
    if (start + length > bytes.length) break;
    const end = start + length;
    elements.push({ tag: bytes[at]!, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = start + length;
  }
  return elements;
}

/** Returns the seconds since 1970 of a time in the form that RFC 5280, 4.1.2.5, requires, or NaN. */
function secondsOf({ tag, content }: Element): number {
  const text = content.toString('latin1');
  const century = tag === tags.utcTime ? (Number(text.slice(0, 2)) < 50 ? '20' : '19') : '';
  if (tag !== tags.utcTime && tag !== tags.generalizedTime) return NaN;
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(century + text) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) / 1_000;
}
