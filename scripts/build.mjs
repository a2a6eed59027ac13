/**
 * Bundles every `src/main.ts` of apps/ and tools/ into `dist/<folder>.mjs`, and the web console into `dist/console/`. Does
 * nothing if no source has changed. Packages with native code are not bundled: the bundle loads them from node_modules at run time.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildConsole, consoleFolder } from './console.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const stamp = join(dist, '.build-stamp');
const sourceFolders = ['apps', 'libs', 'tools', 'monitoring'];

/** Code at the start of each bundle. It defines the CommonJS names that CommonJS dependencies need inside an ES module. */
const banner = [
  "import { createRequire as __createRequire } from 'node:module';",
  "import { fileURLToPath as __toPath } from 'node:url';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = __toPath(import.meta.url);',
  "const __dirname = __toPath(new URL('.', import.meta.url));",
].join('\n');

function entryPoints() {
  return ['apps', 'tools'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .map((name) => join(root, folder, name, 'src', 'main.ts'))
      .filter((path) => existsSync(path)),
  );
}

function* sourceFiles(folder) {
  for (const item of readdirSync(folder, { withFileTypes: true })) {
    if (item.name === 'node_modules' || item.name === 'dist' || item.name === 'test') continue;
    const path = join(folder, item.name);
    if (item.isDirectory()) yield* sourceFiles(path);
    else if (/\.(tsx?|json|css|html|svg)$/.test(item.name) || isRunbook(path)) yield path;
  }
}

/** The bundle of the console contains the runbooks, so a changed runbook needs a new build. */
function isRunbook(path) {
  return /\/runbooks\/\w+\.md$/.test(path);
}

/**
 * Returns path, size and modification time of every source file. The result also changes when a file is deleted or
 * replaced.
 */
function fingerprint() {
  const files = [
    join(root, 'package-lock.json'),
    fileURLToPath(import.meta.url),
    fileURLToPath(new URL('console.mjs', import.meta.url)),
  ];
  for (const folder of sourceFolders) files.push(...sourceFiles(join(root, folder)));
  return files
    .sort()
    .map((path) => {
      const { size, mtimeMs } = statSync(path);
      return `${path.slice(root.length)} ${size} ${mtimeMs}`;
    })
    .join('\n');
}

function isNative(packageFolder) {
  return ['binding.gyp', 'prebuilds'].some((name) => existsSync(join(packageFolder, name)));
}

function outputsExist(entries) {
  return [...entries.map(outputOf), join(consoleFolder, 'index.html')].every((path) => existsSync(path));
}

function outputOf(entry) {
  return join(dist, `${basename(dirname(dirname(entry)))}.mjs`);
}

const nativeOutside = {
  name: 'native-outside',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
      const name = path.startsWith('@') ? path.split('/', 2).join('/') : path.split('/', 1)[0];
      if (name === undefined || path.startsWith('node:')) return undefined;
      for (let folder = dirname(importer); folder.length >= root.length - 1; folder = dirname(folder)) {
        const candidate = join(folder, 'node_modules', name);
        if (existsSync(candidate)) return isNative(candidate) ? { path, external: true } : undefined;
        if (folder === dirname(folder)) break;
      }
      return undefined;
    });
  },
};

/** esbuild options of every bundle, also of the bundles in the container images. */
export const bundleOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  banner: { js: banner },
  plugins: [nativeOutside],
  logLevel: 'silent',
};

/**
 * Builds the bundles. Returns the number of written bundles; 0 if dist is up to date. Throws the first error of
 * esbuild.
 */
export async function build() {
  const entries = entryPoints();
  const current = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === current && outputsExist(entries)) return 0;
  const { build: bundle } = await import('esbuild');
  mkdirSync(dist, { recursive: true });
  const results = await Promise.allSettled(
    entries.map((entry) =>
      bundle({
        entryPoints: [entry],
        outfile: outputOf(entry),
        ...bundleOptions,
        write: false,
      }),
    ),
  );
  // Each bundle is written to a temporary file and then renamed, so a process that starts now reads a complete bundle.
  const built = results.flatMap(({ value }) => value?.outputFiles ?? []);
  for (const file of built) {
    writeFileSync(`${file.path}.${process.pid}`, file.contents);
    renameSync(`${file.path}.${process.pid}`, file.path);
  }
  const failed = results.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  await buildConsole();
  writeFileSync(stamp, current);
  return entries.length;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    const count = await build();
    process.stderr.write(count === 0 ? 'dist is up to date\n' : `${count} bundles written to dist\n`);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
