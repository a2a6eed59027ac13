import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { decodeText } from '@mqtt-cluster/contracts';
import { CommandError } from '../program/errors.ts';

const bytesMax = 64 * 1024;

/**
 * Returns the token in a file. Spaces and line ends around it do not belong to it, as in the member's `admin.tokenFile`.
 *
 * @param setting the option or the variable that names the file
 */
export function tokenOfFile(file: string, setting: string): string {
  const token = textOfFile(file, setting).trim();
  if (token !== '' && !/\s/.test(token)) return token;
  throw new CommandError(`${setting}: ${file} must contain one token, without spaces`);
}

function textOfFile(file: string, setting: string): string {
  let content: Uint8Array;
  try {
    content = readFileSync(file);
  } catch (cause) {
    throw new CommandError(`${setting}: the file ${file} cannot be read: ${(cause as Error).message}`, {
      cause,
    });
  }
  return textOf(content, `${setting}: ${file}`);
}

function textOf(content: Uint8Array, source: string): string {
  try {
    return decodeText(content);
  } catch (cause) {
    throw new CommandError(`${source}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * Reads a password: from a file, from a prompt that shows no input, or from standard input if that is no terminal. A
 * password is never an argument, because all users of a host can read the arguments of its processes.
 *
 * @param twice asks for the password again, to detect a typing error
 */
export async function readPassword(
  file: string | undefined,
  { setting, name, twice }: { setting: string; name: string; twice: boolean },
): Promise<string> {
  if (file !== undefined) return onlyLine(textOfFile(file, setting), file);
  if (!process.stdin.isTTY)
    return onlyLine(await readStandardInput(), `standard input, the password of ${name},`);
  const first = await prompt(`Password of ${name}: `);
  if (twice && first !== (await prompt('Again: '))) throw new CommandError('the two passwords differ');
  return onlyLine(first, 'the prompt');
}

function onlyLine(text: string, source: string): string {
  const line = text.replace(/\r?\n$/, '');
  if (line === '') throw new CommandError(`the text from ${source} is empty; one line is expected`);
  if (/[\r\n]/.test(line)) throw new CommandError(`the text from ${source} has several lines`);
  return line;
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new CommandError('standard input has too many bytes for a password');
    chunks.push(chunk);
  }
  return textOf(Buffer.concat(chunks), 'standard input');
}

async function prompt(text: string): Promise<string> {
  process.stderr.write(text);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await reader.question('');
  } finally {
    reader.close();
    process.stderr.write('\n');
  }
}
