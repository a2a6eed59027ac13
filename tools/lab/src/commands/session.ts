import { removeData, removeLabFile, writeLabFile } from '../cluster/lab-file.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterOptions } from '../cluster/cluster.ts';
import { Control } from '../cluster/control.ts';
import { checkPortsFree, defaultPorts, hasManyAddresses, layOut } from '../layout.ts';
import type { Layout } from '../layout.ts';
import type { Arguments } from '../arguments.ts';
import { scriptOf } from '../cluster/scripts.ts';

const portShift = 1_000;
const portShiftsMax = 10;

export interface SessionSettings extends Pick<ClusterOptions, 'publisherRate' | 'logLevel' | 'builds'> {
  /** Take other ports when the usual ones are in use, 1,000 further on each time. */
  readonly shiftPorts?: boolean;
  /** Where to begin with that: 0 for the usual ports, 1 for 1,000 further on. */
  readonly firstPortShift?: number;
}

/** A cluster with its control server and its entry in `lab.json`. */
export interface LabSession {
  readonly cluster: Cluster;
  /** Ends everything and removes `lab.json`; and the data, unless `keep`. Safe to call twice. */
  readonly end: (keep: boolean) => Promise<void>;
  /** Other processes that `lab down` has to end if this one can't. */
  readonly recordOthers: (pids: readonly number[]) => void;
}

/**
 * Brings up a lab in this process. @throws LabError when that fails; nothing is left running then.
 * @param onDown `lab down` was called elsewhere.
 */
export async function openSession(
  { members, folder, overrides, keep }: Pick<Arguments, 'members' | 'folder' | 'overrides' | 'keep'>,
  { shiftPorts = false, firstPortShift = 0, ...settings }: SessionSettings,
  onDown: (keep: boolean) => void,
): Promise<LabSession> {
  const layout = await chooseLayout(members, shiftPorts, firstPortShift);
  if (!keep) removeData(folder, true);
  let others: readonly number[] = [];
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
      others,
    });
  };
  const script = scriptOf('broker-publisher');
  const cluster = new Cluster({ layout, folder, script, overrides, ...settings, onChange: record });
  const control = new Control(cluster, onDown);
  const end = async (keepData: boolean): Promise<void> => {
    if (ended) return;
    ended = true;
    await (keepData ? cluster.stop() : cluster.down());
    control.close();
    removeLabFile(folder);
    if (!keepData) removeData(folder, false);
  };
  // However this process ends, the members must not outlive it.
  process.once('exit', () => {
    for (const pid of [...cluster.pidsById().map(([, id]) => id), ...others]) endNow(pid);
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
    recordOthers(pids) {
      others = pids;
      record();
    },
  };
}

async function chooseLayout(members: number, shiftPorts: boolean, first: number): Promise<Layout> {
  const manyAddresses = await hasManyAddresses();
  for (let shift = first; shiftPorts && shift < portShiftsMax; shift++) {
    const more = shift * portShift;
    const { mqtt, http, cluster, links } = defaultPorts;
    const layout = layOut(members, manyAddresses, {
      mqtt: mqtt + more,
      http: http + more,
      cluster: cluster + more,
      links: links + more,
    });
    if (
      await checkPortsFree(layout).then(
        () => true,
        () => false,
      )
    )
      return layout;
  }
  return layOut(members, manyAddresses);
}

function endNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
