import { ChildProgram, freePort, runCommand, waitFor } from '@mqtt-cluster/kit';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { inFolder, playLocally } from './local-playbook.ts';
import { firstFailure } from './playbook.ts';
import { writeProgram } from './substitute-program.ts';

const msMax = 60_000;
const addresses = ['127.0.0.1', '127.0.0.2'];
const memoryBytes = 512 * 1024 * 1024;
const limits = [`--memory=${memoryBytes}b`, `--memory-swap=${memoryBytes}b`, '--max-old-space-size=384'];
const refusal = 'this member is isolated';
const state = 'the state of the cluster';

interface Bed {
  readonly folder: string;
  /** Folder of the backups. */
  readonly backups: string;
  readonly metrics: string;
  /** Arguments of each call of the program in place of podman. */
  readonly calls: string;
  /** While this file exists, the program in place of podman does not end. */
  readonly hangs: string;
  /** Addresses of the members that give a backup. The others refuse. */
  readonly giving: Set<string>;
}

/**
 * Runs the program of the backup, with two servers in place of members and a program in place of podman. The backup comes from a
 * member that does not refuse it. The containers have the limit of memory. A stopped backup leaves no container and no state.
 *
 * @returns the first fault, or null
 */
export function backupFault(root: string): Promise<string | null> {
  return inFolder('backup', async (folder) => {
    const bed: Bed = {
      folder,
      backups: join(folder, 'backups'),
      metrics: join(folder, 'mqtt_cluster_backup.prom'),
      calls: join(folder, 'calls'),
      hangs: join(folder, 'hangs'),
      giving: new Set(),
    };
    const port = await freePort(addresses[0]);
    const servers = await startMembers(bed, port);
    try {
      return (
        (await renderProgram(root, bed, port)) ??
        (await refusedFault(bed)) ??
        (await takenFault(bed)) ??
        (await stoppedFault(bed))
      );
    } finally {
      for (const server of servers) server.close();
    }
  });
}

async function startMembers({ folder, giving }: Bed, port: number): Promise<Server[]> {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'authority.pem')];
  const names = addresses.map((address) => `IP:${address}`).join(',');
  const certificate = ['-subj', '/CN=rehearsal', '-addext', `subjectAltName=${names}`, '-days', '1'];
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await runCommand('openssl', ['req', ...options, ...certificate, '-keyout', key, '-out', cert]);
  writeFileSync(join(folder, 'curl'), '');
  return Promise.all(
    addresses.map(async (address) => {
      const server = createServer(
        { key: readFileSync(key), cert: readFileSync(cert) },
        (_request, response) => {
          if (giving.has(address)) response.end(state);
          else response.writeHead(409).end(JSON.stringify({ detail: refusal }));
        },
      ).listen(port, address);
      await once(server, 'listening');
      return server;
    }),
  );
}

/** Renders the program of the backup. @returns the fault, or null */
async function renderProgram(root: string, bed: Bed, port: number): Promise<string | null> {
  const { folder, backups, calls, hangs } = bed;
  mkdirSync(backups);
  const programs = {
    podman: `echo "$*" >>'${calls}'\n[ "$1" = run ] || exit 0\nwhile [ -e '${hangs}' ]; do sleep 0.1; done`,
    chown: ':',
  };
  for (const [name, lines] of Object.entries(programs)) writeProgram(folder, name, lines);
  const { status, output } = await playLocally(
    join(root, 'ansible'),
    ['-i', 'tests/inventories/here.yml', 'tests/backup.yml'],
    {
      variables: {
        render_to: folder,
        mqtt_cluster_version: 'static',
        mqtt_cluster_images: folder,
        backup_directory: backups,
        backup_settings: folder,
        backup_metrics_directory: folder,
        backup_members: ['one', 'two'],
        backup_http_port: String(port),
        backup_user: userInfo().username,
        backup_memory_max: '512M',
      },
    },
  );
  return status === 0 ? null : firstFailure(output);
}

function start({ folder, calls }: Bed): ChildProgram {
  writeFileSync(calls, '');
  return new ChildProgram({
    command: join(folder, 'backup'),
    args: [],
    logFile: join(folder, 'backup.log'),
    environment: { ...process.env, PATH: `${folder}:${process.env.PATH}` },
    ownGroup: true,
  });
}

const scratchIn = ({ backups }: Bed): string[] =>
  readdirSync(backups).filter((name) => name.startsWith('scratch.'));

/** A backup that no member gives is no success. */
async function refusedFault(bed: Bed): Promise<string | null> {
  const program = start(bed);
  if ((await program.ended) !== 'status 1')
    return `without a member that gives a backup: ${program.lastLogLines()}`;
  if (existsSync(bed.metrics)) return 'a backup that no member gave counts as a success';
  const reasons = readFileSync(program.logFile, 'utf8').split(refusal).length - 1;
  return reasons === addresses.length
    ? null
    : `${addresses.length} members refused, but the log has ${reasons} reasons`;
}

/** The first member refuses, so the backup comes from the second one. The run deletes the state that a killed run has left. */
async function takenFault(bed: Bed): Promise<string | null> {
  bed.giving.add(addresses[1]!);
  mkdirSync(join(bed.backups, 'scratch.killed'));
  const program = start(bed);
  if ((await program.ended) !== 'status 0')
    return `with one member that gives a backup: ${program.lastLogLines()}`;
  const [file = '', ...others] = readdirSync(bed.backups);
  if (others.length > 0) return `the backup leaves ${[file, ...others].join(', ')}`;
  if (readFileSync(join(bed.backups, file), 'utf8') !== state)
    return 'the backup is not that of the second member';
  if (!existsSync(bed.metrics)) return 'the success was not recorded';
  const runs = readFileSync(bed.calls, 'utf8')
    .split('\n')
    .filter((call) => call.startsWith('run '));
  if (runs.length !== 2) return `podman ran ${runs.length} containers, and not 2`;
  const unlimited = limits.find((limit) => runs.some((run) => !run.includes(limit)));
  return unlimited === undefined ? null : `a container runs without ${unlimited}`;
}

/** SIGTERM reaches all processes of the unit, as systemd sends it. */
async function stoppedFault(bed: Bed): Promise<string | null> {
  writeFileSync(bed.hangs, '');
  const program = start(bed);
  try {
    await waitFor('podman', () => readFileSync(bed.calls, 'utf8').includes('run ') || undefined, {
      timeoutMs: msMax,
    });
    const second = start(bed);
    const hasRun = (): boolean => readFileSync(bed.calls, 'utf8').includes('run ');
    await waitFor('the end of the second run', () => second.hasEnded || hasRun() || undefined, {
      timeoutMs: msMax,
    }).finally(() => second.kill());
    // A second run that started a container was killed.
    const end = await second.ended;
    if (end !== 'status 1') return `a second run beside the first one: ${end}`;
    writeFileSync(bed.calls, '');
    program.signal('SIGTERM');
    const stopped = await program.ended;
    if (stopped !== 'status 143') return `the stopped program ended with ${stopped}`;
    if (scratchIn(bed).length > 0) return 'a stopped backup leaves the state of the cluster';
    return readFileSync(bed.calls, 'utf8').startsWith('rm --force ')
      ? null
      : 'a stopped backup leaves its container';
  } finally {
    await program.kill();
  }
}
