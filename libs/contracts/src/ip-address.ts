/**
 * Returns an address in the form that limits, logs and rules compare. A socket that accepts IPv6 and IPv4
 * reports an IPv4 address as an IPv4-mapped IPv6 address, such as `::ffff:192.0.2.1` (RFC 4291, 2.5.5.2).
 */
export function plainAddress(address: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(address) ? address.slice('::ffff:'.length) : address;
}

/** Returns whether a host name or an address, also an IPv6 address in brackets, is that of the own host. */
export function isLoopback(host: string): boolean {
  const plain = plainAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return plain === '::1' || plain === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(plain);
}
