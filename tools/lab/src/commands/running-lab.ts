import type { Arguments } from '../arguments.ts';
import { bundleOf } from '../cluster/bundles.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterOptions } from '../cluster/cluster.ts';
import { Control } from '../cluster/control.ts';
import { removeData, removeLabFile, writeLabFile } from '../cluster/lab-file.ts';
import { checkPortsFree, defaultPorts, hasManyAddresses, makeLayout, portRangeMax } from '../layout.ts';
import type { Layout } from '../layout.ts';
import { makeSecurity } from '../security/lab-security.ts';

const portShift = 1_000;

export interface LabSettings extends Pick<
  ClusterOptions,
  'publisherRate' | 'logLevel' | 'builds' | 'startMsMax'
> {
  /** Whether the lab tries further port ranges, each 1,000 higher, when a default port is in use. */
  readonly shiftPorts?: boolean;
  /** Number of the first port range to try: 0 for the default ports, 1 for ports that are 1,000 higher. */
  readonly firstPortShift?: number;
}

/** A running lab: a cluster with its control server and its `lab.json`. */
export interface RunningLab {
  readonly cluster: Cluster;
  /** Ends all members and deletes `lab.json`. Also deletes the members' data unless `keep` is true. Safe to call twice. */
  readonly end: (keep: boolean) => Promise<void>;
  /** Writes the address of the web console into `lab.json`. */
  readonly recordConsole: (url: string) => void;
  /** Writes the ids of further processes into `lab.json`, so that `lab down` can kill these processes. */
  readonly recordOthers: (pids: readonly number[]) => void;
}

/** Returns the settings of a lab whose command line names a port range; without a range, the lab uses the default ports. */
export function portSettings({
  portRange,
}: Pick<Arguments, 'portRange'>): Pick<LabSettings, 'shiftPorts' | 'firstPortShift'> {
  return portRange === null ? {} : { shiftPorts: true, firstPortShift: portRange };
}

/**
 * Starts a lab in this process.
 *
 * @param onDown called when another process runs `lab down`
 * @throws LabError when the lab does not start; no process of the lab is left running
 */
export async function startLab(
  {
    members,
    folder,
    site,
    overrides,
    keep,
    secure,
  }: Pick<Arguments, 'members' | 'folder' | 'site' | 'overrides' | 'keep' | 'secure'>,
  { shiftPorts = false, firstPortShift = 0, ...settings }: LabSettings,
  onDown: (keep: boolean) => void,
): Promise<RunningLab> {
  const layout = await chooseLayout(members, shiftPorts, firstPortShift);
  if (!keep) removeData(folder, true);
  let others: readonly number[] = [];
  let consoleUrl: string | undefined;
  let ended = false;
  const record = (): void => {
    if (ended) return;
    const pids = new Map(cluster.pidsById());
    writeLabFile(folder, {
      pid: process.pid,
      control: { host: control.host, port: control.port },
      members: layout.members.map(({ id, host, mqttPort, httpPort }) => ({
        id,
        mqtt: `${host}:${mqttPort}`,
        http: `${host}:${httpPort}`,
        pid: pids.get(id) ?? null,
      })),
      ...(consoleUrl !== undefined && { console: consoleUrl }),
      others,
    });
  };
  const bundle = bundleOf('broker-publisher');
  const security = secure ? makeSecurity(folder, layout.members) : null;
  const options = { layout, folder, bundle, site, overrides, security };
  const cluster = new Cluster({ ...options, ...settings, onChange: record });
  const control = new Control(cluster, onDown);
  const end = async (keepData: boolean): Promise<void> => {
    if (ended) return;
    ended = true;
    await (keepData ? cluster.stop() : cluster.down());
    control.close();
    removeLabFile(folder);
    if (!keepData) removeData(folder, false);
  };
  // The members must not outlive this process, however it ends.
  process.once('exit', () => {
    for (const pid of [...cluster.pidsById().map(([, id]) => id), ...others]) killProcess(pid);
  });
  try {
    await control.open();
    record();
    await cluster.up();
  } catch (error) {
    await end(true);
    throw error;
  }
  return {
    cluster,
    end,
    recordConsole(url) {
      consoleUrl = url;
      record();
    },
    recordOthers(pids) {
      others = pids;
      record();
    },
  };
}

/** Returns the addresses of the first free port range, or the default addresses when no range is free. */
async function chooseLayout(members: number, shiftPorts: boolean, first: number): Promise<Layout> {
  const manyAddresses = await hasManyAddresses();
  for (let shift = first; shiftPorts && shift <= portRangeMax; shift++) {
    const offset = shift * portShift;
    const { mqtt, http, cluster, links } = defaultPorts;
    const layout = makeLayout(members, manyAddresses, {
      mqtt: mqtt + offset,
      http: http + offset,
      cluster: cluster + offset,
      links: links + offset,
    });
    const isFree = await checkPortsFree(layout).then(
      () => true,
      () => false,
    );
    if (isFree) return layout;
  }
  return makeLayout(members, manyAddresses);
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has ended meanwhile.
  }
}
