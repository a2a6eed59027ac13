import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A set of IP addresses and of networks in CIDR notation. */
export class Networks {
  readonly #networks: readonly (readonly [Address, number])[];

  constructor(networks: readonly string[]) {
    this.#networks = networks.flatMap((text) => {
      const network = parseNetwork(text);
      return network ? [network] : [];
    });
  }

  /** Returns whether one of the networks contains the address. False for a text that is no IP address. */
  contains(address: string): boolean {
    const parsed = parseAddress(address);
    return parsed !== null && this.#networks.some((network) => containsAddress(network, parsed));
  }
}

function containsAddress([network, bits]: readonly [Address, number], address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

function parseAddress(text: string): Address | null {
  // `isValid` also accepts decimal, octal and hexadecimal numbers as IPv4 addresses.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return null;
  return ipaddr.process(text);
}

/** Returns the network with an IPv4-mapped IPv6 network in its IPv4 form, as {@link parseAddress} does. */
function parseNetwork(text: string): readonly [Address, number] | null {
  const slash = text.indexOf('/');
  const first = slash === -1 ? text : text.slice(0, slash);
  const address = parseAddress(first);
  if (!address) return null;
  const bitsMax = address.kind() === 'ipv4' ? 32 : 128;
  if (slash === -1) return [address, bitsMax];
  const isMapped = address.kind() === 'ipv4' && first.includes(':');
  const bits = Number(text.slice(slash + 1)) - (isMapped ? 96 : 0);
  return Number.isInteger(bits) && bits >= 0 && bits <= bitsMax ? [address, bits] : null;
}
