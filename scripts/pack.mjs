/**
 * `npm run pack`: writes the packages `mqtt-cluster` (the command line) and `mqtt-cluster-client` (the failover client) to
 * `dist/packages/`, as folders and as files of `npm pack`. A package contains all code that it needs, so it has no
 * dependencies. `--out FOLDER` names another folder.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { bundleOptions } from './build.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const types = join(root, 'dist', 'types', 'libs');

/** Writes the licences of the packages whose code a bundle contains. */
function writeLicences(folder, inputs) {
  const packages = new Set(
    Object.keys(inputs)
      .filter((path) => path.includes('node_modules/'))
      .map((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)[0]),
  );
  const texts = [...packages].sort().map((path) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8'));
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'LICENCE', 'LICENSE-MIT']
      .map((each) => join(root, path, each))
      .find(existsSync);
    const text = file === undefined ? '' : `\n${readFileSync(file, 'utf8').trim()}\n`;
    return `${name} ${version} (${license})\n${text}`;
  });
  writeFileSync(join(folder, 'THIRD-PARTY-LICENSES.txt'), texts.join(`\n${'-'.repeat(80)}\n\n`));
}

/** Bundles the entry, and writes manifest, README and licences. The manifest keeps no field of the workspace. */
async function writePackage(folder, { source, entry, outfile, name, readme, fields, banner }) {
  const manifest = JSON.parse(readFileSync(join(root, source, 'package.json'), 'utf8'));
  const { version, description, license } = manifest;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { build } = await import('esbuild');
  const { metafile } = await build({
    ...bundleOptions,
    absWorkingDir: root,
    entryPoints: [join(root, source, entry)],
    outfile: join(folder, outfile),
    sourcemap: false,
    metafile: true,
    define: { BUILD_VERSION: JSON.stringify(version) },
    banner: { js: `${banner}${bundleOptions.banner.js}` },
  });
  const { node } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines;
  const packed = { name, version, description, license, type: 'module', engines: { node }, ...fields };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(packed, null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), readme);
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeLicences(folder, metafile.inputs);
}

/**
 * Copies a declaration file and the files that it imports. An import of the contracts becomes an import of the one file that
 * declares the name, so that the package contains only the declarations that it needs.
 */
function copyDeclarations(source, target, folder, copied = new Set()) {
  if (copied.has(source)) return;
  copied.add(source);
  const fileOf = (path, base) => resolve(base, path.replace(/\.ts$/, '.d.ts'));
  const toTarget = (path) =>
    path.startsWith(join(types, 'contracts'))
      ? join(folder, 'contracts', relative(join(types, 'contracts', 'src'), path))
      : join(folder, relative(join(types, 'failover-client', 'src'), path));
  const specifier = (path) => {
    copyDeclarations(path, toTarget(path), folder, copied);
    const way = relative(dirname(target), toTarget(path)).replace(/\.d\.ts$/, '.js');
    return way.startsWith('.') ? way : `./${way}`;
  };
  const text = readFileSync(source, 'utf8')
    .replace(
      /(import|export)( type)? \{([^}]*)\} from '@mqtt-cluster\/contracts';/g,
      (_, word, type, names) =>
        names
          .split(',')
          .map((each) => each.trim())
          .filter((each) => each !== '')
          .map(
            (name) =>
              aliasOf(name) ?? `${word}${type ?? ''} { ${name} } from '${specifier(contractOf(name))}';`,
          )
          .join('\n'),
    )
    .replace(/from '(\.[^']*\.ts)'/g, (_, path) => `from '${specifier(fileOf(path, dirname(source)))}'`);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
}

/**
 * Returns the declaration of a union that a schema infers, with its members written out, or null for another name. The
 * package has no dependency on the library of the schemas.
 */
function aliasOf(name) {
  const path = contractOf(name);
  const text = readFileSync(path, 'utf8');
  if (!text.includes("from 'zod'")) return null;
  const options = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
  };
  const program = ts.createProgram([path], { ...options, types: [], skipLibCheck: true });
  const checker = program.getTypeChecker();
  const symbol = checker
    .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)))
    .find((each) => each.name === name);
  const type = checker.typeToString(
    checker.getDeclaredTypeOfSymbol(symbol),
    undefined,
    ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation,
  );
  if (!/^[\w"'| -]+$/.test(type) || type === 'any')
    throw new Error(`the type ${name} of a schema is no union of literals: ${type}`);
  return `type ${name} = ${type};`;
}

/** Returns the declaration file of the contracts that declares a name. */
function contractOf(name) {
  const index = readFileSync(join(types, 'contracts', 'src', 'index.d.ts'), 'utf8');
  const files = [...index.matchAll(/from '\.\/([^']*)\.ts'/g)].map(([, file]) => file);
  const declares = new RegExp(
    `export (declare )?(abstract )?(type|interface|class|const|function) ${name}\\b`,
  );
  const paths = files.map((file) => join(types, 'contracts', 'src', `${file}.d.ts`));
  const path = paths.find((each) => declares.test(readFileSync(each, 'utf8')));
  if (path === undefined) throw new Error(`no file of the contracts declares ${name}`);
  return path;
}

/** Returns the README of the failover client for its users: without the chapters for its developers. */
function clientReadme() {
  const text = readFileSync(join(root, 'libs', 'failover-client', 'README.md'), 'utf8');
  return text
    .slice(0, text.indexOf('\n## Tests\n') + 1)
    .replace('# failover-client', '# mqtt-cluster-client')
    .replace(
      /The package belongs to this workspace\.[\s\S]*?\n\n/,
      '```sh\nnpm install mqtt-cluster-client\n```\n\n',
    )
    .replaceAll('@mqtt-cluster/failover-client', 'mqtt-cluster-client');
}

/** Writes both packages below a folder. @returns the paths of the files of `npm pack` */
export async function pack(out) {
  mkdirSync(out, { recursive: true });
  const commandLine = join(out, 'mqtt-cluster');
  await writePackage(commandLine, {
    source: 'apps/command-line',
    entry: 'src/main.ts',
    outfile: 'mqtt-cluster.mjs',
    name: 'mqtt-cluster',
    readme: readFileSync(join(root, 'apps', 'command-line', 'PACKAGE.md')),
    fields: { bin: { 'mqtt-cluster': 'mqtt-cluster.mjs' } },
    banner: '#!/usr/bin/env node\n',
  });
  const client = join(out, 'mqtt-cluster-client');
  await writePackage(client, {
    source: 'libs/failover-client',
    entry: 'src/index.ts',
    outfile: 'index.js',
    name: 'mqtt-cluster-client',
    readme: clientReadme(),
    fields: { exports: { '.': { types: './index.d.ts', default: './index.js' } }, types: './index.d.ts' },
    banner: '',
  });
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'libs/failover-client'],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const entry = join(types, 'failover-client', 'src', 'index.d.ts');
  copyDeclarations(entry, join(client, 'index.d.ts'), client);
  return [commandLine, client].map((folder) => {
    const printed = execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', out], {
      cwd: folder,
      encoding: 'utf8',
    });
    return join(out, [].concat(Object.values(JSON.parse(printed)))[0].filename);
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [option, folder] = process.argv.slice(2);
  const out = option === '--out' && folder !== undefined ? resolve(folder) : join(root, 'dist', 'packages');
  const files = await pack(out);
  process.stdout.write(`${files.join('\n')}\n`);
}
