/**
 * `npm run images -- [options]`: bundles the two applications, stages the files of their images, and builds
 * the images with podman or docker. See `--help`.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  createReadStream,
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
import { basename, dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ensureDependencies } from '../scripts/ensure-dependencies.mjs';
import { bundleOptions } from '../scripts/build.mjs';
import { buildConsole } from '../scripts/console.mjs';
import { chooseEngine, inspect, run } from './engine.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');

/**
 * Bytes that an application may add to its base image. A larger application fails the build, so that growth
 * is noticed.
 */
const images = {
  // The web console takes a megabyte of it, with the compressed forms of its files, and links to JetStream 0.4 MB.
  'broker-publisher': { budgetBytesMax: 5_100_000 },
  client: { budgetBytesMax: 2_300_000 },
};

/** Architectures that an image can have, as docker and podman name them. */
const architectures = ['amd64', 'arm64'];

/** Architecture of this machine, as docker and podman name it. */
const ownArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

const help = `Builds the images broker-publisher and client.

  npm run images -- [options]

  --only NAME        build only broker-publisher or only client
  --output FOLDER    folder of all that is written (default: dist/images)
  --stage            stage the files in dist/images/NAME and build no image; needs neither podman nor docker
  --engine NAME      podman or docker (default: podman if it is installed)
  --base IMAGE       base image (default: docker.io/library/node:22-bookworm-slim)
  --version TEXT     tag of the images (default: from git describe)
  --prefix TEXT      prefix of the images' names (default: localhost/mqtt-cluster)
  --arch LIST        architectures of the images: amd64, arm64 or both, separated by a comma (default: that of
                     this machine)
  --save             also write dist/images/NAME-VERSION.tar, which the playbooks copy to the hosts, and its checksum
                     NAME-VERSION.tar.sha256; with --arch the names are NAME-VERSION-ARCH.tar
  --engine-option X  option for the engine before "build"; may be given several times
  --build-option X   option for the engine after "build"; may be given several times
  --help             print this text
`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      output: { type: 'string', default: join(root, 'dist', 'images') },
      stage: { type: 'boolean', default: false },
      engine: { type: 'string' },
      base: { type: 'string', default: 'docker.io/library/node:22-bookworm-slim' },
      version: { type: 'string' },
      prefix: { type: 'string', default: 'localhost/mqtt-cluster' },
      arch: { type: 'string' },
      save: { type: 'boolean', default: false },
      'engine-option': { type: 'string', multiple: true, default: [] },
      'build-option': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.only !== undefined && images[values.only] === undefined) {
    throw new Error(
      `--only ${values.only}: unknown image; the images are ${Object.keys(images).join(' and ')}`,
    );
  }
  const isOwn = (arch) => Number(arch === ownArchitecture);
  // The last image keeps the tag on this machine.
  const wanted =
    values.arch === undefined
      ? [undefined]
      : [...new Set(values.arch.split(','))].sort((one, other) => isOwn(one) - isOwn(other));
  const unknown = wanted.find((arch) => arch !== undefined && !architectures.includes(arch));
  if (unknown !== undefined) {
    throw new Error(
      `--arch ${values.arch}: unknown architecture "${unknown}"; use ${architectures.join(' or ')}`,
    );
  }
  if (wanted.length > 1 && !values.save && !values.stage) {
    throw new Error(
      `--arch ${values.arch}: give --save, because the images have one tag and each takes it from the other`,
    );
  }
  const version = values.version ?? describeVersion();
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(version)) {
    throw new Error(
      `--version ${version}: not a valid tag; use 1 to 128 characters of A-Z a-z 0-9 _ . - and do not begin with . or -`,
    );
  }
  return { ...values, output: resolve(values.output), version, architectures: wanted };
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** Returns the output of `git describe`, or without a tag the version of package.json and the commit. */
function describeVersion() {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  try {
    const described = git('describe', '--tags', '--always', '--dirty');
    return /^[0-9a-f]+(-dirty)?$/.test(described) ? `${version}-g${described}` : described;
  } catch (error) {
    if (!existsSync(join(root, '.git'))) return version;
    // For instance, git refuses a clone that another user owns. Falling back to package.json would give every
    // commit the same tag.
    const printed = String(error.stderr || error.message)
      .trim()
      .split('\n')[0];
    throw new Error(`the version is unknown, because git describe failed: ${printed}; give --version TEXT`, {
      cause: error,
    });
  }
}

/** Returns the commit's time in seconds since 1970, so that two builds of one commit have identical files. */
function sourceEpoch() {
  if (process.env.SOURCE_DATE_EPOCH) return Number(process.env.SOURCE_DATE_EPOCH);
  try {
    return Number(git('log', '-1', '--format=%ct'));
  } catch {
    return 0;
  }
}

async function stage(name, { output, version }, epoch) {
  const folder = join(output, name);
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  const application = join(fresh, 'files', 'opt', 'mqtt-cluster');
  mkdirSync(application, { recursive: true });
  mkdirSync(join(fresh, 'files', 'usr', 'local', 'bin'), { recursive: true });
  mkdirSync(join(fresh, 'data'));
  const { build } = await import('esbuild');
  const { cyclonedxEsbuildPlugin } = await import('@cyclonedx/cyclonedx-esbuild');
  const sbom = join(application, 'sbom.cdx.json');
  // The licence texts are part of the list, because most licences demand that they accompany the code.
  const listing = (outputFile) =>
    cyclonedxEsbuildPlugin({ outputFile, gatherLicenseTexts: true, outputReproducible: true });
  await build({
    ...bundleOptions,
    plugins: [...bundleOptions.plugins, listing(sbom)],
    absWorkingDir: join(root, 'apps', name),
    entryPoints: [join(root, 'apps', name, 'src', 'main.ts')],
    outfile: join(application, 'main.mjs'),
    target: 'node22',
    sourcemap: false,
    // Identifiers are not minified, so that stack traces in the log stay readable.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    define: { BUILD_VERSION: JSON.stringify(version) },
  });
  // A member serves the web console from the folder beside its bundle.
  if (name === 'broker-publisher') {
    const ofConsole = join(fresh, 'console.cdx.json');
    await buildConsole(join(application, 'console'), [listing(ofConsole)]);
    mergeBill(sbom, ofConsole);
    rmSync(ofConsole);
  }
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

/** Adds the packages of a CycloneDX list, with what each depends on, to another list. */
function mergeBill(file, otherFile) {
  const bill = JSON.parse(readFileSync(file, 'utf8'));
  const other = JSON.parse(readFileSync(otherFile, 'utf8'));
  const idOf = ({ group = '', name, version }) => `${group}/${name}@${version}`;
  const known = new Map(bill.components.map((component) => [idOf(component), component['bom-ref']]));
  // A package of both lists has two references. The application of the list takes the place of that of the other list.
  const replaced = new Map([[other.metadata.component['bom-ref'], bill.metadata.component['bom-ref']]]);
  for (const component of other.components) {
    const reference = known.get(idOf(component));
    if (reference === undefined) bill.components.push(component);
    else replaced.set(component['bom-ref'], reference);
  }
  const referenceOf = (reference) => replaced.get(reference) ?? reference;
  const dependencies = new Map();
  for (const { ref, dependsOn = [] } of [...bill.dependencies, ...other.dependencies]) {
    const all = [...(dependencies.get(referenceOf(ref)) ?? []), ...dependsOn.map(referenceOf)];
    dependencies.set(referenceOf(ref), [...new Set(all)].sort());
  }
  bill.dependencies = [...dependencies].map(([ref, dependsOn]) => ({
    ref,
    ...(dependsOn.length > 0 && { dependsOn }),
  }));
  writeFileSync(file, JSON.stringify(bill, null, 2));
}

/**
 * Returns the names of the settings that the application supports, for the label of its image. The
 * application rejects other settings at its start, so the playbooks read the label and omit them.
 */
function knownSettings(name, application) {
  if (name !== 'broker-publisher') return '';
  const printed = execFileSync(process.execPath, [join(application, 'main.mjs'), '--settings'], {
    encoding: 'utf8',
  });
  return printed.trim().replaceAll('\n', ',');
}

/**
 * Sets the same modes and times on every machine that builds. Returns the list of files with size and sha256,
 * and the sum of their sizes.
 */
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

/**
 * Builds an image. Images of all architectures have the same tag, which the units on the hosts name.
 * @param arch the architecture; undefined for that of this machine
 * @returns the tag, and the architecture that the image has
 */
function buildImage(engine, name, arch, epoch, settings, options) {
  const tag = `${options.prefix}/${name}:${options.version}`;
  const wanted = arch ?? ownArchitecture;
  const args = [
    ...options['engine-option'],
    'build',
    // podman keeps HEALTHCHECK only in the docker format. docker has no other format. It takes the time from
    // SOURCE_DATE_EPOCH.
    ...(engine.isPodman ? ['--format=docker', '--pull=missing', `--timestamp=${epoch}`] : []),
    // Also without --arch: otherwise podman takes a base image of any architecture that this machine has.
    ...(architectures.includes(wanted) ? [`--platform=linux/${wanted}`] : []),
    ...options['build-option'],
    `--build-arg=BASE=${options.base}`,
    `--build-arg=NAME=${name}`,
    `--build-arg=VERSION=${options.version}`,
    `--build-arg=SETTINGS=${settings}`,
    `--tag=${tag}`,
    ...(wanted === ownArchitecture ? [`--tag=${options.prefix}/${name}:latest`] : []),
    join(options.output, name),
  ];
  run(engine, args, { SOURCE_DATE_EPOCH: String(epoch) });
  const built = inspect(engine, '{{.Architecture}}', tag, options);
  if (architectures.includes(wanted) && built !== wanted) {
    throw new Error(
      `${tag} was built for ${built}: the base image ${options.base} has this architecture, or the steps of an image ` +
        `for ${built} were in the cache; give --base, or --build-option=--no-cache`,
    );
  }
  return { tag, built };
}

/**
 * Returns the name and digest by which a registry has the base image, or an empty text for an image of this machine. With
 * images of several architectures it could be that of one of them.
 */
function baseDigest(engine, options) {
  try {
    const digests = inspect(engine, '{{range .RepoDigests}}{{.}} {{end}}', options.base, options).split(' ');
    return digests.find((digest) => digest !== '' && !digest.startsWith('localhost/')) ?? '';
  } catch {
    // docker with BuildKit does not keep the base image of a build among the images of the machine.
    return '';
  }
}

/** Writes the archive of an image, and its checksum in the format of sha256sum. */
async function save(engine, name, arch, tag, options) {
  const file = join(options.output, `${name}-${options.version}${arch === undefined ? '' : `-${arch}`}.tar`);
  rmSync(file, { force: true });
  rmSync(`${file}.sha256`, { force: true });
  const format = engine.isPodman ? ['--format=docker-archive'] : [];
  run(engine, [...options['engine-option'], 'save', ...format, '--output', file, tag]);
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  writeFileSync(`${file}.sha256`, `${hash.digest('hex')}  ${basename(file)}\n`);
  return file;
}

async function main() {
  const options = readOptions();
  if (options.help) return void process.stdout.write(help);
  ensureDependencies();
  mkdirSync(options.output, { recursive: true });
  const epoch = sourceEpoch();
  const engine = options.stage ? undefined : chooseEngine(options.engine);
  for (const name of options.only === undefined ? Object.keys(images) : [options.only]) {
    const { bytes, settings } = await stage(name, options, epoch);
    const { budgetBytesMax } = images[name];
    const size = `${name}: ${bytes} bytes added to the base image, limit ${budgetBytesMax}`;
    if (bytes > budgetBytesMax) {
      throw new Error(
        `${size}: too large; ${relative(root, join(options.output, name))}.files lists the size of each file`,
      );
    }
    process.stdout.write(`${size}\n`);
    if (engine === undefined) continue;
    for (const arch of options.architectures) {
      const { tag, built } = buildImage(engine, name, arch, epoch, settings, options);
      process.stdout.write(`${name}: built ${tag} for ${built} with ${engine.program}\n`);
      if (!options.save) continue;
      const file = await save(engine, name, arch, tag, options);
      process.stdout.write(`${name}: saved ${relative(root, file)}\n`);
    }
  }
  if (engine !== undefined && options.architectures.length === 1) {
    const digest = baseDigest(engine, options);
    if (digest !== '')
      process.stdout.write(`base image: ${digest}; --base ${digest} builds on the same one again\n`);
  }
  // The inventories read the version to deploy from this file.
  writeFileSync(join(options.output, 'VERSION'), `${options.version}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`images: ${error.message}\n`);
  process.exit(1);
}
