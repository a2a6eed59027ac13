/** V8 copies a part of a string that is shorter. Of a longer part it stores a reference to the whole string. */
const referenceLengthMin = 13;

/**
 * Returns a part of a string as a string of its own, if the whole is more than twice as long. Otherwise a short part that is
 * kept for long, such as a user name that a stranger has sent, would keep all of the whole in memory. A copied part that was
 * cut within a surrogate pair ends with U+FFFD.
 */
export function detached(part: string, whole: string): string {
  if (part.length < referenceLengthMin || part.length * 2 >= whole.length) return part;
  return Buffer.from(part, 'utf8').toString('utf8');
}

/** Returns at most the first `lengthMax` UTF-16 code units of a text, which keep no more than that in memory. */
export function shortened(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : detached(text.slice(0, lengthMax), text);
}
