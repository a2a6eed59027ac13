import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, run } from '../command.ts';
import type { CommandResult } from '../command.ts';
import { until } from '../poll.ts';
import { ProcessGroup } from './cgroup.ts';
import { addressOf, bridgeNamespaceOf, namespaceOf } from './layout.ts';
import type { BedLayout } from './layout.ts';
import { plugIn, pullOut, silence } from './network.ts';

const bootMsMax = 60_000;
const sshMsMax = 60_000;
const startFlags = [
  '--quiet',
  '--boot',
  '--register=no',
  '--keep-unit',
  '--resolv-conf=off',
  '--timezone=off',
];
const moreFlags = ['--link-journal=no', '--console=pipe', '--bind=/dev/fuse'];
/** A container in a container needs these; clock and kernel modules are the machine's. */
const rights = [
  '--capability=all',
  '--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO',
  '--system-call-filter=add_key keyctl bpf',
];
/** systemd-nspawn ends with it when the host asks for a reboot. */
const rebootStatus = 133;

/** One host: systemd as process 1, sshd, podman, an address and a disk of its own. */
export class Host {
  readonly number: number;
  readonly address: string;
  readonly #layout: BedLayout;
  readonly #group: ProcessGroup;

  constructor(number: number, layout: BedLayout) {
    this.number = number;
    this.address = addressOf(number);
    this.#layout = layout;
    this.#group = new ProcessGroup(layout.name, `h${number}`);
  }

  get #folder(): string {
    return join(this.#layout.directory, 'hosts', String(this.number));
  }

  get isRunning(): boolean {
    return this.#group.processes().length > 0;
  }

  /** Switches it on; returns before it is up (see `reachable`). */
  async start(): Promise<void> {
    if (this.isRunning) return;
    await plugIn(this.#layout, this.number);
    const root = await this.#mount();
    const containers = join(this.#folder, 'containers');
    const joins = this.#group.create().map((path) => `echo $$ > ${path}`);
    const script = [...joins, 'while :; do "$@"; [ $? = ' + rebootStatus + ' ] || break; done'].join('; ');
    const nspawn = [
      'python3',
      join(this.#layout.helpers, 'keep-limits.py'),
      'systemd-nspawn',
      ...startFlags,
      ...moreFlags,
      ...rights,
      `--directory=${root}`,
      `--machine=${namespaceOf(this.#layout, this.number)}`,
      `--hostname=h${this.number}`,
      `--network-namespace-path=/run/netns/${namespaceOf(this.#layout, this.number)}`,
      `--bind=${containers}:/var/lib/containers`,
    ];
    const log = openSync(join(this.#folder, 'console.log'), 'a');
    const child = spawn('sh', ['-c', script, 'host', ...nspawn], {
      detached: true,
      stdio: ['ignore', log, log],
      env: {
        ...process.env,
        SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: '1',
        SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'network',
      },
    });
    child.unref();
    closeSync(log);
  }

  async #mount(): Promise<string> {
    const root = join(this.#folder, 'root');
    for (const name of ['root', 'upper', 'work', 'containers']) {
      mkdirSync(join(this.#folder, name), { recursive: true });
    }
    if (!readFileSync('/proc/mounts', 'utf8').includes(` ${root} `)) {
      const layers = ['upper', 'work'].map((name) => `${name}dir=${join(this.#folder, name)}`);
      const options = [`lowerdir=${this.#layout.base}`, ...layers].join(',');
      await run('mount', ['-t', 'overlay', 'overlay', '-o', options, root]);
    }
    const hostKey = join(root, 'etc/ssh/ssh_host_ed25519_key');
    if (!existsSync(hostKey)) {
      writeFileSync(join(root, 'etc/hostname'), `h${this.number}\n`);
      mkdirSync(join(root, 'var/lib/containers'), { recursive: true });
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
    }
    return root;
  }

  async reachable(): Promise<void> {
    await until(`ssh to ${this.address}`, bootMsMax, async () =>
      (await this.attemptSsh('true')).status === 0 ? true : undefined,
    );
  }

  /** Power off at once: nothing is said to anybody. What was written stays (see docs: no proof of fsync). */
  async powerOff(): Promise<void> {
    await silence(this.#layout, this.number);
    await this.#group.kill();
    await pullOut(this.#layout, this.number);
  }

  /** The disk with all that was ever installed; only while it is off. */
  async wipe(): Promise<void> {
    await attempt('umount', [join(this.#folder, 'root')]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Never mind its status. */
  attemptSsh(command: string): Promise<CommandResult> {
    return attempt('ip', this.#sshWords(command), {
      timeoutMs: sshMsMax,
    });
  }

  /** @returns what it printed. @throws RehearsalError when its status is not 0 */
  ssh(command: string, timeoutMs = sshMsMax): Promise<string> {
    return run('ip', this.#sshWords(command), { timeoutMs });
  }

  #sshWords(command: string): string[] {
    return ['netns', 'exec', bridgeNamespaceOf(this.#layout), 'ssh', ...this.sshFlags(), command];
  }

  sshFlags(): string[] {
    const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const quick = ['ConnectTimeout=3', 'BatchMode=yes'];
    const flags = [...settings, ...quick].flatMap((setting) => ['-o', setting]);
    return ['-i', this.#layout.key, ...flags, `root@${this.address}`];
  }
}
