/** The fields with the numbers of a public key, by its type (RFC 7518, 6.2 and 6.3; RFC 8037, 2). */
const numberFields: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['x', 'y'],
  OKP: ['x'],
};

/**
 * Returns the numbers of a public key in hexadecimal digits. Different base64 texts may stand for the same number: they may differ in
 * leading zero bytes and in characters that are no base64. The other fields of a key have no effect on its signatures.
 */
export function numbersOfKey(key: { readonly kty?: string }): string {
  return (numberFields[key.kty ?? ''] ?? [])
    .map((field) => Buffer.from(String(Reflect.get(key, field) ?? ''), 'base64url').toString('hex'))
    .map((digits) => digits.replace(/^(?:00)+/, ''))
    .join();
}
