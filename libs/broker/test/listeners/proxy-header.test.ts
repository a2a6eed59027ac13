import fc from 'fast-check';
import { parseProxyHeader, proxyHeaderBytesMax } from '../../src/listeners/proxy-header.ts';
import { binaryHeader, ipv4Addresses, ipv6Addresses } from '../support/proxy-headers.ts';

const behind = Buffer.from('bytes behind the header');

function parseText(text: string) {
  return parseProxyHeader(Buffer.from(text, 'latin1'));
}

test.each([
  ['PROXY TCP4 192.0.2.7 192.0.2.1 56324 1883\r\n', '192.0.2.7'],
  ['PROXY TCP6 2001:DB8:0:0::7 2001:db8::1 56324 1883\r\n', '2001:db8::7'],
  ['PROXY TCP6 ::ffff:192.0.2.7 ::1 1 1\r\n', '192.0.2.7'],
  ['PROXY UNKNOWN\r\n', null],
  ['PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n', null],
])('a header of version 1 states the address of the client: %j', (header, address) => {
  const bytes = Buffer.concat([Buffer.from(header), behind]);
  expect(parseProxyHeader(bytes)).toEqual({ kind: 'proxied', length: header.length, address });
});

test.each([
  'PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n',
  'PROXY TCP4 192.0.2.7 192.0.2.1 56324 1883 1\r\n',
  'PROXY TCP4  192.0.2.7 192.0.2.1 56324 1883\r\n',
  'PROXY TCP4 192.0.2.7 192.0.2.1 056324 1883\r\n',
  'PROXY TCP4 192.0.2.7 192.0.2.1 65536 1883\r\n',
  'PROXY TCP4 192.0.2.007 192.0.2.1 1 1\r\n',
  'PROXY TCP4 2001:db8::7 2001:db8::1 1 1\r\n',
  'PROXY TCP6 fe80::1%eth0 2001:db8::1 1 1\r\n',
  'PROXY TCP5 192.0.2.7 192.0.2.1 1 1\r\n',
  'PROXY constructor 192.0.2.7 192.0.2.1 1 1\r\n',
  'PROXY \r\n',
  `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`,
  'PROXYTCP4',
  'proxy TCP4 192.0.2.7 192.0.2.1 1 1\r\n',
  'GET / HTTP/1.1\r\n',
  '\x10\x0c\x00\x04MQTT',
])('the parser rejects %j', (header) => {
  expect(parseText(header).kind).toBe('invalid');
});

test('a header of version 2 states the address of the client, and its TLVs are skipped', () => {
  const tlvs = Buffer.from([0x04, 0, 3, 1, 2, 3]);
  const four = binaryHeader(0x21, 0x11, Buffer.concat([ipv4Addresses('192.0.2.7'), tlvs]));
  expect(parseProxyHeader(Buffer.concat([four, behind]))).toEqual({
    kind: 'proxied',
    length: four.length,
    address: '192.0.2.7',
  });
  const six = binaryHeader(0x21, 0x21, ipv6Addresses(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7));
  expect(parseProxyHeader(six)).toMatchObject({ address: '2001:db8::7' });
  const mapped = binaryHeader(0x21, 0x21, ipv6Addresses(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x207));
  expect(parseProxyHeader(mapped)).toMatchObject({ address: '192.0.2.7' });
});

test.each([
  ['an unspecified family', 0x00, Buffer.alloc(0)],
  ['a UNIX socket', 0x31, Buffer.alloc(216)],
  ['UDP', 0x12, ipv4Addresses('192.0.2.7')],
])('a header of version 2 for %s states no address', (_name, family, body) => {
  expect(parseProxyHeader(binaryHeader(0x21, family, body))).toMatchObject({
    kind: 'proxied',
    address: null,
  });
});

test('a LOCAL header of version 2 states no client, whatever follows it', () => {
  const header = binaryHeader(0x20, 0x11, ipv4Addresses('192.0.2.7'));
  expect(parseProxyHeader(header)).toEqual({ kind: 'local', length: header.length });
});

test.each([
  ['an unknown version', binaryHeader(0x11, 0x11, ipv4Addresses('192.0.2.7'))],
  ['an unknown command', binaryHeader(0x22, 0x11, ipv4Addresses('192.0.2.7'))],
  ['addresses that are too short', binaryHeader(0x21, 0x11, Buffer.alloc(11))],
  ['IPv6 addresses that are too short', binaryHeader(0x21, 0x21, Buffer.alloc(35))],
])('the parser rejects a header of version 2 with %s', (_name, header) => {
  expect(parseProxyHeader(header).kind).toBe('invalid');
});

test('the parser rejects a header above its bound as soon as its length is known', () => {
  const start = binaryHeader(0x21, 0x11, Buffer.alloc(proxyHeaderBytesMax)).subarray(0, 16);
  expect(parseProxyHeader(start).kind).toBe('invalid');
  expect(parseText(`PROXY UNKNOWN ${'x'.repeat(93)}`).kind).toBe('invalid');
  expect(parseText(`PROXY UNKNOWN ${'x'.repeat(92)}`).kind).toBe('incomplete');
});

const validHeader = fc.oneof(
  fc
    .tuple(fc.ipV4(), fc.ipV4(), fc.nat(65_535), fc.nat(65_535))
    .map((fields) => Buffer.from(`PROXY TCP4 ${fields.join(' ')}\r\n`)),
  fc
    .tuple(
      fc.constantFrom(0x20, 0x21),
      fc.constantFrom(0x00, 0x11, 0x21, 0x31),
      fc.uint8Array({ maxLength: 200 }),
    )
    .map(([command, family, tlvs]) =>
      binaryHeader(command, family, Buffer.concat([Buffer.alloc(36), Buffer.from(tlvs)])),
    ),
);

test('a header that is cut at any byte is incomplete, and has the same meaning when it is whole', () => {
  fc.assert(
    fc.property(validHeader, fc.uint8Array({ maxLength: 50 }), (header, rest) => {
      for (let length = 1; length < header.length; length++)
        expect(parseProxyHeader(header.subarray(0, length))).toEqual({ kind: 'incomplete' });
      const whole = parseProxyHeader(header);
      expect(whole).toMatchObject({ length: header.length });
      expect(parseProxyHeader(Buffer.concat([header, rest]))).toEqual(whole);
    }),
    { numRuns: 50 },
  );
});

test('the parser never throws, and asks for more bytes only below its bound', () => {
  const mutated = fc.tuple(validHeader, fc.nat(), fc.nat(255)).map(([header, position, value]) => {
    const copy = Buffer.from(header);
    copy[position % copy.length] = value;
    return copy;
  });
  const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, any), fc.nat(8_192), (bytes, padding) => {
      const padded = Buffer.concat([bytes, Buffer.alloc(padding)]);
      const result = parseProxyHeader(padded);
      if (result.kind === 'incomplete') expect(padded.length).toBeLessThan(proxyHeaderBytesMax);
      if (result.kind === 'proxied' || result.kind === 'local')
        expect(result.length).toBeLessThanOrEqual(padded.length);
    }),
    { numRuns: 500 },
  );
});
