const nameBytesMax = 256;

/** Returns whether a name can be that of a user or a group: 1 to 256 bytes, without control characters. */
export function isUserName(name: string): boolean {
  // eslint-disable-next-line no-control-regex
  return name !== '' && Buffer.byteLength(name) <= nameBytesMax && !/[\u0000-\u001f\u007f]/.test(name);
}
