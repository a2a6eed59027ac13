import { plainAddress } from '@mqtt-cluster/contracts';

/** Groups of an IPv6 address, and those of its network part (64 bits). */
const groupsOfAddress = 8;
const groupsOfNetwork = 4;

/**
 * Returns the key under which the limits count an IP address. An IPv4 address counts alone. All IPv6 addresses of
 * one network of 64 bits count together, because one host can use each of them.
 */
export function addressKey(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail);
  const zeros = new Array<string>(Math.max(0, groupsOfAddress - before.length - after.length)).fill('0');
  const network = [...before, ...zeros, ...after].slice(0, groupsOfNetwork);
  return `${network.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

function groupsOf(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
