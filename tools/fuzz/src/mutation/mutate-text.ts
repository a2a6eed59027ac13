import { between, pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { mutate } from './mutate.ts';

const changesMax = 4;
/** Numbers at which bounds often fail. */
const numbers = ['0', '1', '20', '31', '99', '999', '65536', '1000001', '4294967296', '-1', '1e9', '0.5'];
/** Bytes of an inflated input. A parser that takes quadratic time needs minutes for it. */
const inflatedBytes = 256 * 1024;

/**
 * Returns a function that changes a text line by line and word by word, so that most results are still UTF-8 and reach the
 * parser behind the decoder. Some results have wrong bytes, and a few are large.
 *
 * @param words texts that have a meaning in the format
 */
export function textMutation(words: readonly string[]): (random: Random, bytes: Buffer) => Buffer {
  return (random, bytes) => {
    if (random() < 0.3) return mutate(random, bytes);
    let text = bytes.toString();
    for (let count = between(random, 1, changesMax); count > 0; count--)
      text = pick(random, changes)(random, text, words);
    if (random() < 0.01) text = inflate(random, text, words);
    const changed = Buffer.from(text);
    return random() < 0.1 ? mutate(random, changed) : changed;
  };
}

type Change = (random: Random, text: string, words: readonly string[]) => string;

const changes: readonly Change[] = [
  insertWord,
  insertWord,
  // A word takes the place of some characters.
  (random, text, words) => {
    const at = between(random, 0, text.length);
    return text.slice(0, at) + pick(random, words) + text.slice(at + between(random, 0, 20));
  },
  // Another number.
  (random, text) => {
    const places = [...text.matchAll(/\d+/g)];
    if (places.length === 0) return text;
    const { index, 0: number } = pick(random, places);
    return text.slice(0, index) + pick(random, numbers) + text.slice(index + number.length);
  },
  // A deleted range.
  (random, text) => {
    const at = between(random, 0, text.length);
    return text.slice(0, at) + text.slice(at + between(random, 1, 20));
  },
  // A cut at any character.
  (random, text) => text.slice(0, between(random, 0, text.length)),
  // One line more, elsewhere or at once.
  (random, text) => {
    const lines = text.split('\n');
    lines.splice(between(random, 0, lines.length), 0, pick(random, lines));
    return lines.join('\n');
  },
  // Two lines change places.
  (random, text) => {
    const lines = text.split('\n');
    const [one, other] = [between(random, 0, lines.length - 1), between(random, 0, lines.length - 1)];
    [lines[one], lines[other]] = [lines[other]!, lines[one]!];
    return lines.join('\n');
  },
];

function insertWord(random: Random, text: string, words: readonly string[]): string {
  const at = between(random, 0, text.length);
  return text.slice(0, at) + pick(random, words) + text.slice(at);
}

/** Repeats the text, one line of it, a word or a space; often at the start of a line. */
function inflate(random: Random, text: string, words: readonly string[]): string {
  const lines = text.split('\n');
  const repeated = pick(random, [text, `${pick(random, lines)}\n`, pick(random, words), ' ']);
  const start = lines.slice(0, between(random, 0, lines.length - 1)).join('\n').length;
  const at = random() < 0.5 ? Math.min(start + 1, text.length) : between(random, 0, text.length);
  return text.slice(0, at) + repeated.repeat(inflatedBytes / (repeated.length + 1)) + text.slice(at);
}
