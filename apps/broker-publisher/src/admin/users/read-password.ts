import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AdminError } from '../admin-client.ts';

const bytesMax = 64 * 1024;

/**
 * Reads a new password: from a file, from a prompt that shows no input, or from standard input if that is no terminal.
 * A password is never an argument, because all users of the host can read the arguments of a process.
 *
 * @throws AdminError the password is empty or has several lines, or the two inputs of the prompt differ
 */
export async function readPassword(file: string | undefined, name: string): Promise<string> {
  if (file !== undefined) return onlyLine(readFile(file), file);
  if (!process.stdin.isTTY) return onlyLine(await readStandardInput(), 'standard input');
  const first = await prompt(`Password of ${name}: `);
  if (first !== (await prompt('Again: '))) throw new AdminError('the two passwords differ');
  return onlyLine(first, 'the prompt');
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AdminError(`--password-file: the file ${file} cannot be read`, { cause });
  }
}

/** Returns the text without the end of its line. */
function onlyLine(text: string, source: string): string {
  const line = text.replace(/\r?\n$/, '');
  if (line === '') throw new AdminError(`the password from ${source} is empty`);
  if (/[\r\n]/.test(line)) throw new AdminError(`the password from ${source} has several lines`);
  return line;
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new AdminError('standard input has too many bytes for a password');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
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
