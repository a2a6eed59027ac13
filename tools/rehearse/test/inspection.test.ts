import { describe, expect, test } from '@jest/globals';
import { pemParts } from '../src/inspection/certificates.ts';
import { assertRenewed } from '../src/steps/certificates.ts';

describe('pemParts', () => {
  test('returns the parts with the label', () => {
    const part = (label: string): string => `-----BEGIN ${label}-----\nMII\n-----END ${label}-----`;
    const text = [part('CERTIFICATE'), part('CERTIFICATE'), part('X509 CRL')].join('\n');
    expect(pemParts(text, 'CERTIFICATE')).toHaveLength(2);
    expect(pemParts(text, 'X509 CRL')).toEqual([part('X509 CRL')]);
  });
});

describe('assertRenewed', () => {
  const certificate = { path: 'member.pem', serial: '1', publicKey: 'k' };
  const at = (changes: object): Map<string, typeof certificate> =>
    new Map([['h', { ...certificate, ...changes }]]);

  test('accepts a certificate with another serial number and another key', () => {
    expect(() => assertRenewed(at({}), at({ serial: '2', publicKey: 'l' }))).not.toThrow();
  });

  test.each([
    [at({}), 'h was not renewed'],
    [at({ serial: '2' }), 'h was renewed with its former key'],
    [new Map(), 'h is missing'],
  ])('rejects %j', (after, sentence) => {
    expect(() => assertRenewed(at({}), after)).toThrow(sentence);
  });
});
