import { crc32, crc32Portable } from '../src/crc32.ts';

// The check value of CRC-32/ISO-HDLC.
const checkValue = 0xcbf43926;

test.each([
  ['of Node', crc32],
  ['portable', crc32Portable],
])('CRC-32, %s: whole and in pieces', (_name, sum) => {
  expect(sum(Buffer.from('123456789'))).toBe(checkValue);
  expect(sum(Buffer.from('6789'), sum(Buffer.from('12345')))).toBe(checkValue);
  expect(sum(Buffer.alloc(0))).toBe(0);
});
