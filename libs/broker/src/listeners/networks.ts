import { BlockList, isIP } from 'node:net';
import { ConfigError, plainAddress } from '@mqtt-cluster/contracts';

/** A set of IP addresses and networks. */
export interface Networks {
  contains(address: string): boolean;
}

/** @throws ConfigError one of the texts is neither an IP address nor a network in CIDR notation */
export function networksOf(texts: readonly string[]): Networks {
  const list = new BlockList();
  for (const text of texts) {
    const [address = '', bits] = text.split('/');
    const family = familyOf(address);
    try {
      if (bits === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(bits), family);
    } catch (cause) {
      throw new ConfigError(`"${text}" is neither an IP address nor a network`, { cause });
    }
  }
  return {
    contains: (address) => {
      const plain = plainAddress(address);
      return isIP(plain) !== 0 && list.check(plain, familyOf(plain));
    },
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
