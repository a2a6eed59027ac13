import { numbersOfKey } from '../src/offline/key-numbers.ts';

const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url');
const rsa = (n: string) => ({ kty: 'RSA', e: 'AQAB', n });

describe('the numbers of a public key', () => {
  it.each([
    ['leading zero bytes', base64(`000000${'ab'.repeat(64)}`)],
    ['a character that is no base64', `[${base64('ab'.repeat(64))}`],
  ])('are the same with %s', (_change, text) => {
    expect(numbersOfKey(rsa(text))).toBe(numbersOfKey(rsa(base64('ab'.repeat(64)))));
  });

  it.each([
    ['another number', rsa(base64('ac'.repeat(64)))],
    ['a zero byte in the middle', rsa(base64(`${'ab'.repeat(32)}00${'ab'.repeat(32)}`))],
    ['another exponent', { ...rsa(base64('ab'.repeat(64))), e: 'Aw' }],
    ['another type', { kty: 'OKP', x: base64('ab'.repeat(64)) }],
  ])('differ with %s', (_change, key) => {
    expect(numbersOfKey(key)).not.toBe(numbersOfKey(rsa(base64('ab'.repeat(64)))));
  });
});
