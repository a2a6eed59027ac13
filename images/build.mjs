/**
 * `npm run images -- [options]`: bundles the two applications, stages what goes into their images, and builds these
 * with podman or docker. See `--help`.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies } from '../scripts/ensure-dependencies.mjs';
import { bundleOptions } from '../scripts/build.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const output = join(root, 'dist', 'images');

/** What an application may add to its base, in bytes. Above it the build fails: somebody should know why. */
const images = {
  'broker-publisher': { budgetBytesMax: 2_500_000 },
  client: { budgetBytesMax: 2_000_000 },
};

const help = `Builds the images broker-publisher and client.

  npm run images -- [options]

  --only NAME        broker-publisher or client alone
  --stage            only stage the files (dist/images/NAME), build no image; needs neither podman nor docker
  --engine NAME      podman or docker (default: podman if it is there)
  --base IMAGE       what to build on (default: docker.io/library/node:22-bookworm-slim)
  --version TEXT     the tag (default: from git describe)
  --prefix TEXT      before the image's name (default: localhost/mqtt-cluster)
  --save             also write dist/images/NAME-VERSION.tar, for ansible to copy to the hosts
  --engine-option X  passed on before "build", for engines that need one; may be given more than once
  --build-option X   passed on after "build"; may be given more than once
  --help             this text
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      stage: { type: 'boolean', default: false },
      engine: { type: 'string' },
      base: { type: 'string', default: 'docker.io/library/node:22-bookworm-slim' },
      version: { type: 'string' },
      prefix: { type: 'string', default: 'localhost/mqtt-cluster' },
      save: { type: 'boolean', default: false },
      'engine-option': { type: 'string', multiple: true, default: [] },
      'build-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.only !== undefined && images[values.only] === undefined) {
    throw new Error(`--only ${values.only}: there are ${Object.keys(images).join(' and ')}`);
  }
  const version = values.version ?? describeVersion();
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(version)) {
    throw new Error(
      `--version ${version}: a tag has 1 to 128 of A-Z a-z 0-9 _ . - and begins with none of . -`,
    );
  }
  return { ...values, version };
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** A tag when there is one; before the first, the version of package.json and the commit. */
function describeVersion() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  try {
    const described = git('describe', '--tags', '--always', '--dirty');
    return /^[0-9a-f]+(-dirty)?$/.test(described) ? `${version}-g${described}` : described;
  } catch (error) {
    if (!existsSync(join(root, '.git'))) return version;
    // Another user's clone, say, as root sees it: every version would get the same name.
    const said = String(error.stderr || error.message)
      .trim()
      .split('\n')[0];
    throw new Error(`git can't tell the version: ${said}; give --version TEXT`, { cause: error });
  }
}

/** Seconds since 1970 of the commit, so that two builds of one commit have the same files to the last bit. */
function sourceEpoch() {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH);
  try {
    return Number(git('log', '-1', '--format=%ct'));
  } catch {
    return 0;
  }
}

async function stage(name, version, epoch) {
  const folder = join(output, name);
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  const application = join(fresh, 'files', 'opt', 'mqtt-cluster');
  mkdirSync(application, { recursive: true });
  mkdirSync(join(fresh, 'files', 'usr', 'local', 'bin'), { recursive: true });
  mkdirSync(join(fresh, 'data'));
  const { build } = await import('esbuild');
  await build({
    ...bundleOptions,
    entryPoints: [join(root, 'apps', name, 'src', 'main.ts')],
    outfile: join(application, 'main.mjs'),
    target: 'node22',
    sourcemap: false,
    // Names stay: the stack in a log line must still say something.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    define: { BUILD_VERSION: JSON.stringify(version) },
  });
  copyFileSync(join(here, 'health.mjs'), join(application, 'health.mjs'));
  copyFileSync(join(root, 'LICENSE'), join(application, 'LICENSE'));
  copyFileSync(join(here, 'systemd-notify'), join(fresh, 'files', 'usr', 'local', 'bin', 'systemd-notify'));
  copyFileSync(join(here, 'Containerfile'), join(fresh, 'Containerfile'));
  const settings = knownSettings(name, application);
  const listed = normalise(fresh, epoch);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  writeFileSync(join(output, `${name}.files`), listed.text);
  return { bytes: listed.bytes, settings };
}

/** An image starts with no setting that it doesn't know, so its label tells the playbooks which it knows. */
function knownSettings(name, application) {
  if (name !== 'broker-publisher') return '';
  const said = execFileSync(process.execPath, [join(application, 'main.mjs'), '--settings'], {
    encoding: 'utf8',
  });
  return said.trim().replaceAll('\n', ',');
}

/** Same modes and times whoever builds. @returns the list of files with size and sha256, and their size together. */
function normalise(folder, epoch) {
  const lines = [];
  let bytes = 0;
  const visit = (path) => {
    const found = statSync(path);
    if (found.isDirectory()) {
      for (const item of readdirSync(path).sort()) visit(join(path, item));
      chmodSync(path, 0o755);
    } else {
      const content = readFileSync(path);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const isProgram = dirname(path).endsWith('/bin');
      chmodSync(path, isProgram ? 0o755 : 0o644);
      const inImage = relative(join(folder, 'files'), path);
      if (!inImage.startsWith('..')) {
        lines.push(`${sha256} ${String(found.size).padStart(9)} /${inImage}\n`);
        bytes += found.size;
      }
    }
    utimesSync(path, epoch, epoch);
  };
  visit(folder);
  return { text: lines.join(''), bytes };
}

/** @returns the program and which of the two it is (a wrapper may have any name) */
function chooseEngine(wanted) {
  const candidates = wanted === undefined ? ['podman', 'docker'] : [wanted];
  for (const engine of candidates) {
    try {
      const said = execFileSync(engine, ['--version'], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      return { program: engine, isPodman: said.includes('podman') };
    } catch {
      // The next one, perhaps.
    }
  }
  throw new Error(
    `neither of these can be run: ${candidates.join(', ')}. Install one, or give --stage to build none`,
  );
}

function buildImage(engine, name, epoch, settings, options) {
  const tag = `${options.prefix}/${name}:${options.version}`;
  const args = [
    ...options['engine-option'],
    'build',
    // The format that keeps HEALTHCHECK; docker has no other, and takes the time from SOURCE_DATE_EPOCH.
    ...(engine.isPodman ? ['--format=docker', '--pull=missing', `--timestamp=${epoch}`] : []),
    ...options['build-option'],
    `--build-arg=BASE=${options.base}`,
    `--build-arg=NAME=${name}`,
    `--build-arg=VERSION=${options.version}`,
    `--build-arg=SETTINGS=${settings}`,
    `--tag=${tag}`,
    `--tag=${options.prefix}/${name}:latest`,
    join(output, name),
  ];
  run(engine, args, { SOURCE_DATE_EPOCH: String(epoch) });
  return tag;
}

function save(engine, name, tag, options) {
  const file = join(output, `${name}-${options.version}.tar`);
  rmSync(file, { force: true });
  const format = engine.isPodman ? ['--format=docker-archive'] : [];
  run(engine, [...options['engine-option'], 'save', ...format, '--output', file, tag]);
  return file;
}

/** @throws Error with the last lines of what the engine said */
function run({ program }, args, environment = {}) {
  try {
    execFileSync(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
  } catch (error) {
    const said = String(error.stderr ?? error.message)
      .trim()
      .split('\n')
      .slice(-5)
      .join('\n');
    throw new Error(`${program} ${args[0]} failed:\n${said}`, { cause: error });
  }
}

async function main() {
  const options = readOptions();
  if (options.help) return void process.stdout.write(help);
  ensureDependencies();
  mkdirSync(output, { recursive: true });
  const epoch = sourceEpoch();
  const engine = options.stage ? undefined : chooseEngine(options.engine);
  for (const name of options.only === undefined ? Object.keys(images) : [options.only]) {
    const { bytes, settings } = await stage(name, options.version, epoch);
    const { budgetBytesMax } = images[name];
    const size = `${name}: ${bytes} bytes on top of the base, at most ${budgetBytesMax}`;
    if (bytes > budgetBytesMax) throw new Error(`${size}: see dist/images/${name}.files`);
    process.stdout.write(`${size}\n`);
    if (engine === undefined) continue;
    const tag = buildImage(engine, name, epoch, settings, options);
    process.stdout.write(`${name}: built ${tag} with ${engine.program}\n`);
    if (options.save)
      process.stdout.write(`${name}: saved ${relative(root, save(engine, name, tag, options))}\n`);
  }
  // For whoever deploys next: ansible takes this version unless told another.
  if (existsSync(output)) writeFileSync(join(output, 'VERSION'), `${options.version}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`images: ${error.message}\n`);
  process.exit(1);
}
