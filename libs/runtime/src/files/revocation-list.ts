const revocationListPattern = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/g;

/** Tags of ASN.1 (X.690, 8.1.2). */
const tags = { sequence: 0x30, integer: 0x02, utcTime: 0x17, generalizedTime: 0x18 } as const;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/**
 * Returns the times of the next updates of the revocation lists in a PEM text, seconds since 1970. After that time,
 * OpenSSL refuses every certificate of the authority. Node has no parser for revocation lists. A list without that time, or
 * one that cannot be decoded, is skipped.
 */
export function nextUpdatesOf(pem: string): readonly number[] {
  return [...pem.matchAll(revocationListPattern)].flatMap(([, base64 = '']) => {
    const list = elementsOf(Buffer.from(base64, 'base64'))[0];
    const body = list?.tag === tags.sequence ? elementsOf(list.content)[0] : undefined;
    if (body?.tag !== tags.sequence) return [];
    // TBSCertList: version (optional), signature, issuer, thisUpdate, nextUpdate (optional) (RFC 5280, 5.1).
    const fields = elementsOf(body.content);
    const next = fields[fields[0]?.tag === tags.integer ? 4 : 3];
    const seconds = next === undefined ? NaN : secondsOf(next);
    return Number.isFinite(seconds) ? [seconds] : [];
  });
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
    elements.push({ tag: bytes[at]!, content: bytes.subarray(start, start + length) });
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
