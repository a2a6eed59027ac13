import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptCommand, CommandError } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { UsageError } from '@mqtt-cluster/kit';
import type { ApplianceBuild } from '@mqtt-cluster/lab';
import { TortureError } from './errors.ts';

const gitMsMax = 60_000;
/**
 * Longest duration of `npm ci`, ms. `npm ci` downloads several hundred packages at the first build of a lock
 * file, and a registry can be slow.
 */
const installMsMax = 15 * 60_000;
const bundleMsMax = 5 * 60_000;
const progressMs = 15_000;
/** Number of lines of a failed program's output that the error message contains. */
const quotedLinesMax = 15;

export interface CommitBuildOptions {
  /** Any name that git resolves to a commit: an id, a branch, `HEAD~1`. */
  readonly commit: string;
  /** Folder of a checkout of this repository. */
  readonly root: string;
  /** Called with progress in one line. */
  readonly log: (text: string) => void;
}

/**
 * Builds the appliance of a commit in a git worktree of its own, `.torture/builds/<commit id>`, with that
 * commit's dependencies and its own `scripts/build.mjs`. A finished build is reused.
 *
 * @throws UsageError when `root` is not a git checkout or `commit` is not a commit of the checkout
 * @throws TortureError with the last lines of output when the installation or the build fails
 */
export async function buildCommit({ commit, root, log }: CommitBuildOptions): Promise<ApplianceBuild> {
  const id = await commitId(commit, root);
  const folder = join(root, '.torture', 'builds', id);
  const script = join(folder, 'dist', 'broker-publisher.mjs');
  const finished = join(folder, 'dist', '.finished');
  if (existsSync(finished)) {
    log(`commit ${id.slice(0, 10)} has been built already: ${folder}`);
  } else {
    await checkOut(id, root, folder, log);
    const npm = ['ci', '--no-audit', '--no-fund', '--include=dev'];
    await step('npm', npm, {
      folder,
      timeoutMs: installMsMax,
      about: `npm ci for commit ${id.slice(0, 10)}`,
      log,
    });
    const build = ['scripts/build.mjs'];
    await step(process.execPath, build, {
      folder,
      timeoutMs: bundleMsMax,
      about: `the build of commit ${id.slice(0, 10)}`,
      log,
    });
    if (!existsSync(script)) throw new TortureError(`the build of commit ${id} wrote no ${script}`);
    writeFileSync(finished, '');
  }
  return { script, variables: await acceptedVariables(id, script) };
}

async function commitId(commit: string, root: string): Promise<string> {
  const checkout = await git(['-C', root, 'rev-parse', '--show-toplevel']);
  if (checkout.status !== 0) {
    throw new UsageError(
      `--from needs a git checkout, and ${root} is not one; clone the repository with git`,
    );
  }
  const found = await git([
    '-C',
    root,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${commit}^{commit}`,
  ]);
  if (found.status !== 0) {
    throw new UsageError(
      `--from "${commit}" is not a commit of ${root}; "git log --oneline" lists the commits`,
    );
  }
  return found.output.trim();
}

async function git(args: readonly string[]): Promise<ProgramResult> {
  try {
    return await attemptCommand('git', args, { timeoutMs: gitMsMax });
  } catch (cause) {
    if (!(cause instanceof CommandError)) throw cause;
    throw new UsageError(`--from needs git: ${cause.message}`, { cause });
  }
}

/** Checks out the commit in a new worktree; deletes the files of an interrupted build. */
async function checkOut(
  id: string,
  root: string,
  folder: string,
  log: (text: string) => void,
): Promise<void> {
  log(`checking out commit ${id.slice(0, 10)} in ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, '..'), { recursive: true });
  await git(['-C', root, 'worktree', 'prune']);
  const added = await git(['-C', root, 'worktree', 'add', '--detach', folder, id]);
  if (added.status !== 0) throw new TortureError(`git worktree add: ${lastLines(added)}`);
}

interface Step {
  readonly folder: string;
  readonly timeoutMs: number;
  readonly about: string;
  readonly log: (text: string) => void;
}

async function step(
  program: string,
  args: readonly string[],
  { folder, timeoutMs, about, log }: Step,
): Promise<void> {
  const startedAtMs = performance.now();
  const seconds = (): string => `${Math.round((performance.now() - startedAtMs) / 1_000)} s`;
  log(`${about}: started`);
  const timer = setInterval(() => log(`${about}: running for ${seconds()}`), progressMs);
  try {
    const result = await attemptCommand(program, args, { directory: folder, timeoutMs });
    if (result.status !== 0) throw new TortureError(`${about} failed:\n${lastLines(result)}`);
    log(`${about}: done in ${seconds()}`);
  } catch (cause) {
    if (cause instanceof CommandError) throw new TortureError(`${about} failed: ${cause.message}`, { cause });
    throw cause;
  } finally {
    clearInterval(timer);
  }
}

/**
 * @returns the environment variables that the build accepts; an appliance rejects all other variables when it
 * starts
 */
async function acceptedVariables(id: string, script: string): Promise<ReadonlySet<string>> {
  const { status, output } = await attemptCommand(process.execPath, [script, '--settings']);
  if (status !== 0) {
    throw new TortureError(
      `the appliance of commit ${id} has no --settings: the commit is too old for rolling-update`,
    );
  }
  return new Set(output.trim().split('\n'));
}

function lastLines({ output, errorOutput }: ProgramResult): string {
  return `${output}\n${errorOutput}`.trim().split('\n').slice(-quotedLinesMax).join('\n');
}
