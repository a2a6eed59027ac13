import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { CommandError } from '../program/errors.ts';
import { defined, text } from '../program/options.ts';
import type { Registry } from '../program/registry.ts';
import { bytes } from '../text/values.ts';

interface BackupOptions {
  readonly stale?: true;
}

interface RestoreOptions {
  readonly data?: string;
  readonly id?: string;
  readonly program?: string;
}

const newline = 10;
const progressBytes = 16 * 1024 * 1024;

/** Declares the commands that save and restore the replicated state. */
export function addBackupCommands(program: Command, registry: Registry): void {
  registry.add<BackupOptions>(program, {
    usage: 'backup <FILE>',
    description: 'save the replicated state to FILE, which only you can read: it contains password hashes',
    examples: {
      'backup cluster-2026-05-01.backup': 'the file is complete or absent',
      'backup last.backup --stale': 'before a restore, when the cluster has lost its majority',
    },
    options: (command) =>
      command.option(
        '--stale',
        'also accept the last state of a member without a majority, which may be older than that of the cluster',
      ),
    run: async (context, [file = ''], { stale = false }) => {
      const connection = await context.connect();
      let reported = 0;
      const content = await connection.bytes(stale ? '/backup?stale=true' : '/backup', (received) => {
        if (received - reported < progressBytes) return;
        reported = received;
        context.output.progress(`${bytes(received)} received`);
      });
      const { index, sha256 } = checkedHeader(content);
      save(file, content);
      context.done(`${file}: ${content.length} bytes, the state after entry ${index}, sha256 ${sha256}`);
    },
  });
  const { host } = registry;
  registry.add<RestoreOptions>(program, {
    usage: 'restore <FILE>',
    description:
      'fill the empty data directory of a stopped member on this host from a backup; the member then forms a new ' +
      'cluster, which the other members join with empty data directories',
    examples: {
      'restore cluster.backup --data /var/lib/mqtt-cluster --id 10.0.0.51':
        'then start this member, then the others',
    },
    options: (command) => {
      const from = 'from the configuration of the appliance';
      command
        .option('--data <DIRECTORY>', `data directory (default: ${from})`, text)
        .option('--id <ID>', `member id (default: ${from})`, text);
      if (host !== null) return command;
      return command.option(
        '--program <FILE>',
        'main.mjs of the appliance (default: beside this program)',
        text,
      );
    },
    run: async (context, [file = ''], { data, id, program: given }) => {
      if (host !== null) {
        const progress = (line: string): void => context.output.note(line);
        await host.restore({ file, ...defined({ data, id }), progress });
        return 0;
      }
      const appliance = given ?? fileURLToPath(new URL('broker-publisher.mjs', import.meta.url));
      if (!existsSync(appliance)) {
        const advice =
          'run the command on the host of the member, and name main.mjs of the appliance with --program';
        throw new CommandError(`the program of the appliance is not at ${appliance}: ${advice}`);
      }
      const options = [
        ...(data === undefined ? [] : ['--data', data]),
        ...(id === undefined ? [] : ['--id', id]),
      ];
      return run([appliance, 'admin', 'restore', file, ...options]);
    },
  });
}

/** Runs a program of Node with the terminal of this process. @returns its exit status */
function run(argv: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    spawn(process.execPath, argv, { stdio: 'inherit' })
      .on('error', reject)
      .on('exit', (status) => resolve(status ?? 1));
  });
}

/** Checks length and checksum of a backup. @throws CommandError the backup is damaged */
function checkedHeader(content: Buffer): { index: number; sha256: string } {
  const end = content.indexOf(newline);
  const state = content.subarray(end + 1);
  const { format, bytes: length, sha256, index } = headerOf(content.subarray(0, Math.max(0, end)).toString());
  if (format !== 'mqtt-cluster-backup') throw new CommandError('the server did not send a backup');
  if (length !== state.length || createHash('sha256').update(state).digest('hex') !== sha256)
    throw new CommandError('the backup was damaged on its way: the checksum differs, so nothing was saved');
  return { index: Number(index), sha256 };
}

function headerOf(line: string): Partial<Record<'format' | 'bytes' | 'sha256' | 'index', unknown>> {
  try {
    return Object(JSON.parse(line));
  } catch {
    return {};
  }
}

/** Writes a temporary file and renames it when it is complete. */
function save(file: string, content: Uint8Array): void {
  const partial = `${file}.partial`;
  try {
    writeFileSync(partial, content, { mode: 0o600, flush: true });
    renameSync(partial, file);
  } catch (cause) {
    throw new CommandError(`the file ${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}
