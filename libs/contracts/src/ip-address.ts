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

const ipv6Groups = 8;
const ipv6NetworkGroups = 4;

/**
 * Returns the network that limits count as one client: an IPv4 address, or the first 64 bits of an IPv6 address,
 * because one host usually has a whole network of 64 bits. A text that is no address is returned as it is.
 */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, ipv6Groups - first.length - last.length) }, () => '0');
  const network = [...first, ...zeros, ...last].slice(0, ipv6NetworkGroups);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
