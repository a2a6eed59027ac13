import { isLoopback, networkOf, plainAddress } from '../src/index.ts';

test.each([
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['::ffff:0:1', '::ffff:0:1'],
  ['', ''],
])('plainAddress(%j) is %j: an IPv4-mapped IPv6 address is an IPv4 address', (address, plain) => {
  expect(plainAddress(address)).toBe(plain);
});

test.each(['127.0.0.1', '127.8.9.10', '::1', '[::1]', '::ffff:127.0.0.1', 'localhost'])(
  'isLoopback(%j) is true',
  (host) => expect(isLoopback(host)).toBe(true),
);

test.each(['192.0.2.1', '::', '2001:db8::1', 'example.org', '127.example.org', '', '0.0.0.0'])(
  'isLoopback(%j) is false',
  (host) => expect(isLoopback(host)).toBe(false),
);

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001:db8:0:1::9', '2001:db8:0:1::/64'],
  ['2001:DB8:0001:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', ''],
])('networkOf counts the address %j as %j', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
