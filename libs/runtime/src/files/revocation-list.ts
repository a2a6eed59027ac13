import { verify } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import type { CertificateIdentity } from '@mqtt-cluster/contracts';

/** Tags of ASN.1 (X.690, 8.1.2). */
const tags = {
  boolean: 0x01,
  integer: 0x02,
  utcTime: 0x17,
  generalizedTime: 0x18,
  octetString: 0x04,
  sequence: 0x30,
  keyIdentifier: 0x80,
  extensionsOfList: 0xa0,
  extensionsOfCertificate: 0xa3,
} as const;

/** DER of the object identifier of the extension Authority Key Identifier (RFC 5280, 4.2.1.1). */
const authorityKeyExtension = '551d23';

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

/**
 * One certificate revocation list (RFC 5280, 5.1). Node has no parser for it, and @peculiar/x509 or pkijs would add more than
 * a megabyte and verify signatures asynchronously only.
 */
export class RevocationList {
  readonly #signed: Buffer;
  readonly #algorithm: Element | undefined;
  readonly #signature: Buffer;
  /** The bytes of the issuer's name, one character each. */
  readonly #issuer: string;
  readonly #serials: ReadonlySet<string>;
  /** Hexadecimal identifier of the key that has signed the list; null if the list contains none. */
  readonly authorityKey: string | null;
  /** Object identifier of an extension that changes the meaning of the list, such as that of a delta list; null without one. */
  readonly criticalExtension: string | null;
  /** Time from which the list is valid, seconds since 1970. */
  readonly thisUpdateSeconds: number;
  /** Time at which the list expires, seconds since 1970; infinity if the list names none. */
  readonly nextUpdateSeconds: number;

  private constructor(list: Element) {
    const [body, algorithm, signature] = elementsOf(list.content);
    const fields = childrenOf(body);
    if (fields[0]?.tag === tags.integer) fields.shift();
    const [, issuer, begin, ...rest] = fields;
    const first = begin === undefined ? NaN : secondsOf(begin);
    const next = rest[0] === undefined ? NaN : secondsOf(rest[0]);
    const entries = rest.find(({ tag }) => tag === tags.sequence);
    this.#signed = body?.whole ?? Buffer.alloc(0);
    this.#algorithm = childrenOf(algorithm)[0];
    // The first byte of a BIT STRING counts its unused bits.
    this.#signature = signature?.content.subarray(1) ?? Buffer.alloc(0);
    this.#issuer = textOf(issuer);
    this.#serials = new Set(childrenOf(entries).map((entry) => hexOf(childrenOf(entry)[0])));
    const extensions = extensionsOf(rest, tags.extensionsOfList);
    this.authorityKey = authorityKeyOf(extensions);
    this.criticalExtension = criticalExtensionOf(extensions);
    this.thisUpdateSeconds = Number.isFinite(first) ? first : -Infinity;
    this.nextUpdateSeconds = Number.isFinite(next) ? next : Infinity;
  }

  /** Returns the lists in PEM blocks. A list that cannot be decoded is skipped. */
  static allOf(blocks: readonly string[]): RevocationList[] {
    return blocks.flatMap((block) => {
      const base64 = block.replaceAll(/^-----.*-----$/gm, '');
      const list = elementsOf(Buffer.from(base64, 'base64'))[0];
      return list?.tag === tags.sequence ? [new RevocationList(list)] : [];
    });
  }

  /** Returns whether the list revokes this certificate. Certificates above it in its chain do not count. */
  contains({ issuer, serial, authorityKey }: CertificateIdentity): boolean {
    // As in OpenSSL, the key identifiers decide between authorities of one name, if both sides have one.
    const isOfOtherKey =
      authorityKey !== null && this.authorityKey !== null && authorityKey !== this.authorityKey;
    return !isOfOtherKey && this.#serials.has(serial) && this.#issuer === issuer;
  }

  isNamedAfter(authority: X509Certificate): boolean {
    const [, , , , subject] = fieldsOf(authority.raw);
    return this.#issuer === textOf(subject);
  }

  /** Returns whether the authority has signed the list. OpenSSL alone checks signatures of unusual algorithms. */
  isSignedBy({ publicKey }: X509Certificate): boolean {
    const hash = signatureHashes[hexOf(this.#algorithm)];
    if (hash === undefined) return true;
    try {
      return verify(hash, this.#signed, publicKey, this.#signature);
    } catch {
      // The key does not fit the algorithm.
      return false;
    }
  }

  /** Returns whether another list is one of the same authority, as far as both lists name it. */
  hasAuthorityOf(other: RevocationList): boolean {
    return this.#issuer === other.#issuer && this.authorityKey === other.authorityKey;
  }
}

/** Returns what identifies a certificate. @param der the certificate */
export function identityOf(der: Buffer): CertificateIdentity {
  const [serial, , issuer, , , , ...rest] = fieldsOf(der);
  return {
    issuer: textOf(issuer),
    serial: hexOf(serial),
    authorityKey: authorityKeyOf(extensionsOf(rest, tags.extensionsOfCertificate)),
  };
}

/** Returns the fields of a certificate from the serial number on: signature, issuer, validity, subject (RFC 5280, 4.1). */
function fieldsOf(der: Buffer): Element[] {
  const fields = childrenOf(childrenOf(elementsOf(der)[0])[0]);
  // A certificate of version 1 has no field with the version.
  return fields[0]?.tag === tags.integer ? fields : fields.slice(1);
}

/** Returns the parts of each extension in the last fields of a certificate or list. */
function extensionsOf(fields: readonly Element[], tag: number): (readonly Element[])[] {
  const extensions = fields.find((each) => each.tag === tag);
  return extensions === undefined ? [] : childrenOf(elementsOf(extensions.content)[0]).map(childrenOf);
}

/** Returns the hexadecimal identifier of the key in the extension Authority Key Identifier, or null. */
function authorityKeyOf(extensions: readonly (readonly Element[])[]): string | null {
  const value = extensions.find(([id]) => hexOf(id) === authorityKeyExtension)?.at(-1);
  if (value?.tag !== tags.octetString) return null;
  const key = childrenOf(elementsOf(value.content)[0]).find(({ tag }) => tag === tags.keyIdentifier);
  return key === undefined ? null : hexOf(key);
}

/** Returns the object identifier of the first critical extension (RFC 5280, 5.2), or null. */
function criticalExtensionOf(extensions: readonly (readonly Element[])[]): string | null {
  const critical = extensions.find(([, flag]) => flag?.tag === tags.boolean && flag.content[0] !== 0);
  return critical?.[0] === undefined ? null : dottedOf(critical[0]);
}

/** Returns an object identifier in its usual form, such as `2.5.29.28` (X.690, 8.19). */
function dottedOf({ content }: Element): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  const [first = 0, ...rest] = numbers;
  const arc = Math.min(2, Math.floor(first / 40));
  return [arc, first - arc * 40, ...rest].join('.');
}

function textOf(element: Element | undefined): string {
  return element?.whole.toString('latin1') ?? '';
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
