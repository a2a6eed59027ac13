import { isReservedUserName } from '@mqtt-cluster/contracts';

const nameBytesMax = 256;

/**
 * Returns whether a name can be that of a user or a group: 1 to 256 bytes, without control characters, and not the name of
 * the owner of a link.
 */
export function isUserName(name: string): boolean {
  if (name === '' || Buffer.byteLength(name) > nameBytesMax || isReservedUserName(name)) return false;
  // eslint-disable-next-line no-control-regex
  return !/[\u0000-\u001f\u007f]/.test(name);
}
