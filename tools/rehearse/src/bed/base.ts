import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptCommand, runCommand } from '@mqtt-cluster/kit';
import type { TestBedLayout } from './layout.ts';

const buildMsMax = 900_000;

/** Packages that this machine needs to run nine hosts and to deploy to them. */
const machinePackages =
  'mmdebstrap systemd-container iproute2 nftables openssh-client podman ansible mosquitto-clients python3'.split(
    ' ',
  );

/** Debian packages of each host. They are installed before the deployment, because a host can't download packages later. */
const hostPackages = [
  'systemd,systemd-sysv,dbus,openssh-server,python3,python3-apt,sudo,procps,iproute2,iputils-ping',
  'podman,crun,conmon,netavark,nftables,iptables,ca-certificates,curl,openssl',
  'keepalived,haproxy,prometheus,prometheus-alertmanager,prometheus-node-exporter',
].join(',');

/** systemd units that a container does not need: devices, consoles, clock synchronization, updates. */
const maskedUnits = [
  'systemd-udevd.service systemd-udev-trigger.service systemd-udevd-control.socket systemd-udevd-kernel.socket',
  'console-getty.service getty.target systemd-networkd.service systemd-networkd.socket',
  'systemd-networkd-wait-online.service systemd-timesyncd.service systemd-modules-load.service',
  'apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service',
  'fstrim.timer podman-auto-update.timer dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount',
].flatMap((line) => line.split(' '));

/** Services that are disabled in the hosts' file system, because the Ansible roles start them. */
const disabledUnits =
  'haproxy keepalived prometheus prometheus-alertmanager prometheus-node-exporter podman podman-restart'.split(
    ' ',
  );

/** Installs the packages that are missing on this machine. @throws CommandError */
export async function installMachinePackages(log: (text: string) => void): Promise<void> {
  const missing: string[] = [];
  for (const name of machinePackages) {
    const { status } = await attemptCommand('dpkg', ['-s', name]);
    if (status !== 0) missing.push(name);
  }
  if (missing.length === 0) return;
  log(`installing the packages ${missing.join(' ')}`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  await runCommand('apt-get', ['update', '-q'], { timeoutMs: buildMsMax });
  const args = ['install', '-y', '-q', '--no-install-recommends', ...missing];
  await runCommand('apt-get', args, { timeoutMs: buildMsMax, environment });
}

/** Builds the root file system that all hosts share, if it does not exist. */
export async function buildBase(layout: TestBedLayout, log: (text: string) => void): Promise<void> {
  mkdirSync(layout.directory, { recursive: true, mode: 0o755 });
  if (!existsSync(layout.key)) {
    await runCommand('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'rehearsal', '-f', layout.key]);
  }
  if (existsSync(join(layout.base, '.ready'))) return;
  log('building the file system of the hosts (only once; takes one or two minutes)');
  rmSync(layout.base, { recursive: true, force: true });
  await bootstrap(hostPackages, layout.base);
  await prepare(layout);
  writeFileSync(join(layout.base, '.ready'), '');
}

async function bootstrap(packages: string, target: string): Promise<void> {
  const sources = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'].find((path) =>
    existsSync(path),
  );
  const excluded = ['doc', 'man', 'locale'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const args = ['--quiet', '--variant=minbase', `--include=${packages}`, ...excluded, 'bookworm', target];
  await runCommand('mmdebstrap', sources === undefined ? args : [...args, sources], {
    timeoutMs: buildMsMax,
  });
}

async function prepare({ base, key }: TestBedLayout): Promise<void> {
  const write = (path: string, text: string): void => {
    const full = join(base, path);
    mkdirSync(join(full, '..'), { recursive: true });
    rmSync(full, { force: true });
    writeFileSync(full, text);
  };
  mkdirSync(join(base, 'root/.ssh'), { recursive: true, mode: 0o700 });
  copyFileSync(`${key}.pub`, join(base, 'root/.ssh/authorized_keys'));
  // systemd writes a new id at the first start of each host.
  write('etc/machine-id', '');
  for (const path of ['var/lib/dbus/machine-id', 'etc/hostname']) rmSync(join(base, path), { force: true });
  for (const kind of ['rsa', 'ecdsa', 'ed25519']) {
    for (const end of ['', '.pub']) rmSync(join(base, `etc/ssh/ssh_host_${kind}_key${end}`), { force: true });
  }
  write('etc/resolv.conf', '# no name server\n');
  write('etc/ssh/sshd_config.d/rehearsal.conf', 'PermitRootLogin prohibit-password\nUseDNS no\n');
  write('etc/systemd/journald.conf.d/rehearsal.conf', '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n');
  write(
    'etc/containers/containers.conf',
    '[containers]\npids_limit = 0\n[engine]\ncgroup_manager = "systemd"\nevents_logger = "file"\n',
  );
  for (const unit of maskedUnits) {
    const path = join(base, 'etc/systemd/system', unit);
    rmSync(path, { force: true });
    symlinkSync('/dev/null', path);
  }
  await runCommand('chroot', [base, 'systemctl', 'enable', 'ssh.service']);
  for (const unit of disabledUnits) await attemptCommand('chroot', [base, 'systemctl', 'disable', unit]);
}

/**
 * Builds the base of the container images, with Node 22. A registry is not used, because the machine may have no access
 * to one.
 */
export async function buildNodeBase(layout: TestBedLayout, log: (text: string) => void): Promise<void> {
  if (existsSync(layout.nodeBase)) return;
  log('building the base of the images, with Node 22 (only once)');
  const work = mkdtempSync(join(tmpdir(), 'rehearsal-node-'));
  try {
    const tree = join(work, 'tree');
    await bootstrap('ca-certificates,libstdc++6', tree);
    // The npm package contains the binary of Node for Linux.
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';
    const install = ['install', '--no-audit', '--no-fund', '--prefix', work, `node-linux-${architecture}@22`];
    await runCommand('npm', install, { timeoutMs: buildMsMax, directory: work });
    const binary = join(work, 'node_modules', `node-linux-${architecture}`, 'bin/node');
    mkdirSync(join(tree, 'usr/local/bin'), { recursive: true });
    await runCommand('install', ['-m', '755', binary, join(tree, 'usr/local/bin/node')]);
    await runCommand('chroot', [tree, 'groupadd', '-g', '1000', 'node']);
    await runCommand('chroot', [tree, 'useradd', '-u', '1000', '-g', '1000', '-m', 'node']);
    const archive = `${layout.nodeBase}.part`;
    await runCommand('tar', ['-C', tree, '--numeric-owner', '--exclude=./dev/*', '-cf', archive, '.'], {
      timeoutMs: buildMsMax,
    });
    renameSync(archive, layout.nodeBase);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
