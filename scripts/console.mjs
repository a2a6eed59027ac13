/**
 * Bundles the web console into `dist/console/`: `index.html`, and below `assets/` scripts, a style sheet and an icon whose
 * names contain a hash of their contents. Next to each file are its gzip and Brotli forms (`.gz`, `.br`).
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'apps', 'console', 'src');

/** The folder that members, the lab and the images serve the console from. */
export const consoleFolder = join(root, 'dist', 'console');

function hashOf(contents) {
  return createHash('sha256').update(contents).digest('hex').slice(0, 10);
}

/** Writes a file and its compressed forms. A server that reads meanwhile finds the old or the new file, never a part. */
function writeWithForms(path, contents) {
  const forms = {
    '': contents,
    '.gz': gzipSync(contents, { level: 9 }),
    '.br': brotliCompressSync(contents, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length },
    }),
  };
  mkdirSync(dirname(path), { recursive: true });
  for (const [suffix, data] of Object.entries(forms)) {
    writeFileSync(`${path}${suffix}.${process.pid}`, data);
    renameSync(`${path}${suffix}.${process.pid}`, `${path}${suffix}`);
  }
}

/**
 * Bundles the console into a folder. Throws the first error of esbuild.
 *
 * @param plugins plugins of esbuild, such as one that lists the packages of the bundle
 * @returns names of the written files
 */
export async function buildConsole(folder = consoleFolder, plugins = []) {
  const { build } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    plugins,
    entryPoints: { console: join(source, 'main.tsx'), style: join(source, 'style', 'main.css') },
    outdir: join(folder, 'assets'),
    entryNames: '[name]-[hash]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    // Each runbook becomes a script that exports its text.
    loader: { '.md': 'text' },
    legalComments: 'linked',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const outputOf = (entry) =>
    basename(Object.entries(metafile.outputs).find(([, output]) => output.entryPoint?.endsWith(entry))[0]);
  const icon = readFileSync(join(source, 'icon.svg'));
  const iconName = `icon-${hashOf(icon)}.svg`;
  const html = readFileSync(join(source, 'index.html'), 'utf8')
    .replace('__ICON__', `assets/${iconName}`)
    .replace('__STYLE__', `assets/${outputOf('style/main.css')}`)
    .replace('__SCRIPT__', `assets/${outputOf('main.tsx')}`);
  const files = [
    ...outputFiles.map(({ path, contents }) => [join('assets', basename(path)), contents]),
    [join('assets', iconName), icon],
    // The last one, so that a served page never names a file that does not exist yet.
    ['index.html', Buffer.from(html)],
  ];
  for (const [name, contents] of files) writeWithForms(join(folder, name), contents);
  const written = new Set(files.flatMap(([name]) => ['', '.gz', '.br'].map((suffix) => `${name}${suffix}`)));
  for (const name of readdirSync(join(folder, 'assets')).map((file) => join('assets', file)))
    if (!written.has(name)) rmSync(join(folder, name), { force: true });
  return [...written];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = await buildConsole();
  process.stderr.write(`${files.length} files written to dist/console\n`);
}
