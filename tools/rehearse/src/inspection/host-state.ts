import { runCommand } from '@mqtt-cluster/kit';
import type { Host } from '../bed/host.ts';

/** Services whose start and reload count as a change of a host. */
const services = [
  "'mqtt-cluster*.service' 'mqtt-cluster*.timer'",
  'haproxy.service keepalived.service prometheus.service prometheus-alertmanager.service',
  'prometheus-node-exporter.service systemd-journald.service',
].join(' ');
const properties = 'Id,ActiveState,UnitFileState,InvocationID,StateChangeTimestampMonotonic,NRestarts';

/** Returns a command that prints one line for each file, folder and link below the given ones, and each file's checksum. */
function filesOf(folders: string): string {
  return [
    `find ${folders} -xdev -printf '%p: type %y, mode %m, owner %u:%g %l\\n'`,
    `find ${folders} -xdev -type f -exec sha256sum {} + | awk '{ sum = $1; $1 = ""; print substr($0, 2) ": checksum " sum }'`,
  ].join('\n');
}

/** Prints the state of a host that no check may change, one line for each thing. */
const script = [
  filesOf('/etc /usr/local'),
  // Each unit becomes one line.
  `systemctl show --all --property=${properties} ${services} | awk 'BEGIN { RS = ""; FS = "\\n"; OFS = " " } { $1 = $1; print "unit: " $0 }'`,
  "podman ps --all --format 'container: {{.Names}} {{.ID}} {{.Image}}'",
  "podman images --format 'image: {{.Repository}}:{{.Tag}} {{.ID}}'",
  "nft --stateless list ruleset | sed 's/^/firewall: /'",
  "find /var/lib/mqtt-cluster /var/backups/mqtt-cluster -maxdepth 1 -printf '%p: type %y, mode %m, owner %u:%g\\n' 2>/dev/null",
  "podman exec mqtt-cluster-broker node /opt/mqtt-cluster/main.mjs admin users list --json 2>/dev/null | sed 's/^/user: /'",
].join('\n');

/** State of one host, or of a folder of the control node, as sorted lines. */
export interface HostState {
  readonly name: string;
  readonly lines: readonly string[];
}

export async function stateOf(host: Host): Promise<HostState> {
  return { name: host.address, lines: linesOf(await host.ssh(script)) };
}

/** Returns the state of a folder of the control node. */
export async function stateOfFolder(folder: string): Promise<HostState> {
  return {
    name: 'the control node',
    lines: linesOf(await runCommand('sh', ['-c', filesOf(`'${folder}'`)])),
  };
}

function linesOf(text: string): string[] {
  return text.trim().split('\n').sort();
}

/** Returns the first difference between two states of the same hosts in one sentence, or null. */
export function firstChange(before: readonly HostState[], after: readonly HostState[]): string | null {
  for (const [index, { name, lines }] of before.entries()) {
    const now = after[index]?.lines ?? [];
    const gone = lines.find((line) => !now.includes(line));
    const added = now.find((line) => !lines.includes(line));
    if (gone !== undefined || added !== undefined)
      return `${name} had "${gone ?? 'nothing'}", and now has "${added ?? 'nothing'}"`;
  }
  return null;
}
