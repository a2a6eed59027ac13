import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attemptCommand } from '@mqtt-cluster/kit';
import { writeProgram } from '../src/substitute-program.ts';

const script = fileURLToPath(new URL('../../../images/build.mjs', import.meta.url));
const own = process.arch === 'x64' ? 'amd64' : process.arch;
const foreign = own === 'amd64' ? 'arm64' : 'amd64';

describe('npm run images', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'images-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /**
   * Builds the image of the client with a program in place of podman. Its images have the wanted architecture or that of the
   * base image, and their archives contain it.
   */
  async function build(args: readonly string[], ofBase = '', program = 'podman') {
    writeProgram(
      folder,
      'engine',
      `echo "$@" >>${folder}/calls
case "$1 $2" in
  --version*) echo '${program} version 4.3.1' ;;
  build*)
    built=${own}
    for word; do case "$word" in --platform=linux/*) built="\${word#--platform=linux/}" ;; esac; done
    echo ${ofBase === '' ? '"$built"' : ofBase} >${folder}/built ;;
  save*) while [ "$1" != --output ]; do shift; done; cat ${folder}/built >"$2" ;;
  'image inspect') case "$4" in *Architecture*) cat ${folder}/built ;; *) ${program === 'docker' ? 'exit 1;' : ''} echo 'localhost/node@sha256:0123 node@sha256:4567 ' ;; esac ;;
esac`,
    );
    const output = join(folder, 'output');
    const given = [
      '--only',
      'client',
      '--version',
      '1',
      '--engine',
      join(folder, 'engine'),
      '--output',
      output,
    ];
    const result = await attemptCommand('node', [script, ...given, ...args]);
    const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    return { ...result, output, printed: result.output, calls };
  }

  const read = (file: string) => readFileSync(file, 'utf8').trim();

  test('writes an archive and its checksum for each architecture, that of this machine last', async () => {
    const { status, errorOutput, output, printed, calls } = await build([
      '--save',
      '--arch',
      `${own},${foreign}`,
    ]);
    expect([status, errorOutput]).toEqual([0, '']);
    for (const arch of [own, foreign]) {
      const archive = `client-1-${arch}.tar`;
      expect(read(join(output, archive))).toBe(arch);
      const hash = createHash('sha256').update(readFileSync(join(output, archive)));
      expect(read(join(output, `${archive}.sha256`))).toBe(`${hash.digest('hex')}  ${archive}`);
    }
    const builds = calls().filter((call) => call.startsWith('build'));
    expect(builds.map((call) => /linux\/(\w+)/.exec(call)?.[1])).toEqual([foreign, own]);
    // The image that can run on this machine takes the tag "latest".
    expect(builds.map((call) => call.includes('client:latest'))).toEqual([false, true]);
    expect(printed).not.toContain('base image: ');
  });

  test('writes one archive without --arch', async () => {
    const { status, output, printed, calls } = await build(['--save']);
    expect(status).toBe(0);
    expect(readdirSync(output).filter((name) => name.includes('.tar'))).toEqual([
      'client-1.tar',
      'client-1.tar.sha256',
    ]);
    // The machine may also have a base image of another architecture.
    expect(calls().filter((call) => call.includes(`--platform=linux/${own} `))).toHaveLength(1);
    expect(printed).toContain('base image: node@sha256:4567; --base node@sha256:4567 ');
  });

  test('needs no base image among the images of the machine, because docker with BuildKit keeps none', async () => {
    const { status, output } = await build(['--save'], '', 'docker');
    expect(status).toBe(0);
    expect(read(join(output, 'VERSION'))).toBe('1');
  });

  test.each([
    [['--arch', foreign], own],
    [[], foreign],
  ])('%j fails if the base image has another architecture', async (args, ofBase) => {
    const { status, errorOutput } = await build(['--save', ...args], ofBase);
    expect(status).toBe(1);
    expect(errorOutput).toMatch(new RegExp(`^images: .*was built for ${ofBase}: the base image`));
  });

  test.each([
    [['--arch', 'riscv64'], 'unknown architecture "riscv64"; use amd64 or arm64'],
    [['--arch', 'amd64,arm64'], 'give --save, because the images have one tag'],
  ])('rejects %j', async (args, message) => {
    const { status, errorOutput } = await build(args);
    expect(status).toBe(1);
    expect(errorOutput).toContain(message);
  });
});
