import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { buildForTest } from './support/build.ts';
import type { BuiltConsole } from './support/build.ts';

/** The first page may not cost more than this over the wire. */
const firstPageBytesMax = 150_000;

let built: BuiltConsole;

beforeAll(async () => {
  built = await buildForTest();
});
afterAll(() => built.remove());

const read = (name: string): string => readFileSync(join(built.folder, name), 'utf8');

/** The files that `name` loads before anything is shown: static imports, and the chunks of those. */
function loadedWith(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const [, chunk = ''] of read(name).matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g))
    loadedWith(`assets/${chunk}`, seen);
  return seen;
}

/** The files of the first page: the page, its style, its script, and the code of the overview that the script opens. */
function firstPage(): string[] {
  const linked = [...read('index.html').matchAll(/(?:href|src)="([^"]+)"/g)].map(([, name = '']) => name);
  const overview = readdirSync(join(built.folder, 'assets')).find((name) =>
    /^overview-page-\w+\.js$/.test(name),
  );
  const scripts = [...linked.filter((name) => name.endsWith('.js')), `assets/${overview}`];
  const seen = new Set<string>();
  for (const script of scripts) loadedWith(script, seen);
  return [...new Set(['index.html', ...linked, ...seen])];
}

test('the first page is under 150 KB compressed, in both encodings', () => {
  const files = firstPage();
  expect(files.length).toBeGreaterThan(4);
  for (const suffix of ['.gz', '.br']) {
    const bytes = files.reduce((sum, name) => sum + statSync(join(built.folder, `${name}${suffix}`)).size, 0);
    expect(bytes).toBeLessThan(firstPageBytesMax);
  }
});

test('the compressed forms contain the file itself', () => {
  for (const name of firstPage()) {
    const contents = readFileSync(join(built.folder, name));
    expect(gunzipSync(readFileSync(join(built.folder, `${name}.gz`)))).toEqual(contents);
    expect(brotliDecompressSync(readFileSync(join(built.folder, `${name}.br`)))).toEqual(contents);
  }
});

test('the page names its files with a hash of their contents, without inline script or style', () => {
  const html = read('index.html');
  const names = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, name = '']) => name);
  expect(names).toHaveLength(3);
  for (const name of names) {
    expect(name).toMatch(/^assets\/\w+-\w{8,}\.(js|css|svg)$/);
    expect(existsSync(join(built.folder, name))).toBe(true);
  }
  expect(html).not.toMatch(/<script[^>]*>[^<]|<style|\sstyle=|\son\w+=/);
});
