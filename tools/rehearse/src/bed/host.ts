import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import type { ProgramResult } from '@mqtt-cluster/kit';
import { waitFor } from '@mqtt-cluster/kit';
import { ProcessGroup } from './cgroup.ts';
import { addressOf, bedNamespaceOf, namespaceOf } from './layout.ts';
import type { TestBedLayout } from './layout.ts';
import { attachHost, detachHost, dropLink } from './network.ts';

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
/**
 * Flags that permit the capabilities and system calls that podman needs inside a container. A host must not change the
 * machine's clock or its kernel modules.
 */
const rights = [
  '--capability=all',
  '--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE,CAP_SYS_RAWIO',
  '--system-call-filter=add_key keyctl bpf',
];
/** Exit status of systemd-nspawn when the host requests a reboot. */
const rebootStatus = 133;

/** One host of the test bed: a container with systemd as process 1, sshd and podman. It has its own address and disk. */
export class Host {
  readonly number: number;
  readonly address: string;
  readonly #layout: TestBedLayout;
  readonly #group: ProcessGroup;

  constructor(number: number, layout: TestBedLayout) {
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

  /** Powers the host on. Does not wait until the host has booted (see `reachable`). */
  async start(): Promise<void> {
    if (this.isRunning) return;
    await attachHost(this.#layout, this.number);
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
      await runCommand('mount', ['-t', 'overlay', 'overlay', '-o', options, root]);
    }
    const hostKey = join(root, 'etc/ssh/ssh_host_ed25519_key');
    if (!existsSync(hostKey)) {
      writeFileSync(join(root, 'etc/hostname'), `h${this.number}\n`);
      mkdirSync(join(root, 'var/lib/containers'), { recursive: true });
      await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', hostKey]);
    }
    return root;
  }

  /** Waits until the host answers by ssh. @throws WaitTimeoutError */
  async reachable(): Promise<void> {
    await waitFor(
      `ssh to ${this.address}`,
      async () => ((await this.attemptSsh('true')).status === 0 ? true : undefined),
      { timeoutMs: bootMsMax },
    );
  }

  /** Powers the host off at once, without a shutdown. Written data survives, even without fsync. */
  async powerOff(): Promise<void> {
    await dropLink(this.#layout, this.number);
    await this.#group.kill();
    await detachHost(this.#layout, this.number);
  }

  /** Deletes the host's disk; the host must be off. */
  async wipe(): Promise<void> {
    await attemptCommand('umount', [join(this.#folder, 'root')]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Runs a command on the host. Does not throw when the exit status of the command is not 0. */
  attemptSsh(command: string): Promise<ProgramResult> {
    return attemptCommand('ip', this.#sshArguments(command), {
      timeoutMs: sshMsMax,
    });
  }

  /** Runs a command on the host. @returns its standard output. @throws CommandError when the exit status is not 0 */
  ssh(command: string, timeoutMs = sshMsMax): Promise<string> {
    return runCommand('ip', this.#sshArguments(command), { timeoutMs });
  }

  #sshArguments(command: string): string[] {
    return ['netns', 'exec', bedNamespaceOf(this.#layout), 'ssh', ...this.sshFlags(), command];
  }

  sshFlags(): string[] {
    const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
    const quick = ['ConnectTimeout=3', 'BatchMode=yes'];
    const flags = [...settings, ...quick].flatMap((setting) => ['-o', setting]);
    return ['-i', this.#layout.key, ...flags, `root@${this.address}`];
  }
}
