import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MemberPlace } from '../../src/layout.ts';

const documents = fileURLToPath(new URL('../../../../docs/', import.meta.url));

/** Where the programs of a recipe find the cluster: the addresses that replace those of the document. */
export interface RecipeAddresses {
  readonly members: readonly MemberPlace[];
  /** Port of HAProxy at 127.0.0.1. */
  readonly proxyPort: number;
}

/**
 * Returns the first code block of this language below a heading of a document, with the addresses of this test.
 *
 * @param heading without the `#`
 */
export function recipe(
  document: string,
  heading: string,
  language: string,
  { members, proxyPort }: RecipeAddresses,
): string {
  const page = readFileSync(join(documents, document), 'utf8');
  const [, section = ''] = page.split(new RegExp(`^#+ ${escaped(heading)}$`, 'm'));
  const blocks = section.matchAll(/^```(.*)\n([^]*?)^```$/gm);
  const block = [...blocks].find(([, written]) => written === language)?.[2];
  if (block === undefined) throw new Error(`${document} has no ${language} below "${heading}"`);
  return members.reduce(
    (text, { number, host, mqttPort, httpPort }) =>
      text
        // "127.0.0.55:1883", "host: '127.0.0.55', port: 1883" and ("10.0.0.51", 1883)
        .replaceAll(new RegExp(`127\\.0\\.0\\.${54 + number}(:|', port: )1883`, 'g'), `${host}$1${mqttPort}`)
        .replaceAll(`"10.0.0.${50 + number}", 1883`, `"${host}", ${mqttPort}`)
        .replaceAll('check port 9100', `check port ${httpPort}`),
    block.replaceAll('11883', `${proxyPort}`),
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
