import { addressOf } from '../bed/layout.ts';
import type { Bed } from '../bed/bed.ts';
import { attempt } from '../command.ts';
import { namespaceOf, virtualHost } from '../bed/layout.ts';
import { RehearsalError } from '../errors.ts';
import type { Allowance } from '../load/tally.ts';
import { until } from '../poll.ts';
import { tellAll } from './scene.ts';
import type { Scene, Step } from './scene.ts';

const unit = 'mqtt-cluster-broker.service';
/** How long a host is gone: longer than members and clients need to notice. */
const goneMs = 15_000;
const restartMsMax = 180_000;
/** One for the host that goes; and on a busy machine a slow broker may be taken for a silent one. */
const loseOne: Allowance = { reconnectsMax: 2, perHostMax: 1 };

/** Whatever has to be true of the passing of time, not of its length: a fault that nobody notices proves nothing. */
const pass = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export const powerCut: Step = {
  name: 'cut the power of a host, and switch it on again',
  async run({ bed, cluster, clients, tell }: Scene) {
    const host = bed.host(await clients.busiest());
    const before = await clients.marks();
    tell(`${host.address} goes`);
    await host.powerOff();
    await pass(goneMs);
    await clients.flowing();
    await host.start();
    await host.reachable();
    await cluster.well();
    tellAll(tell, await clients.judge(before, loseOne));
  },
};

export const cutOff: Step = {
  name: 'cut a host off the network silently, and heal it',
  async run({ bed, cluster, clients, tell }: Scene) {
    const { number } = bed.host(await clients.busiest());
    const before = await clients.marks();
    tell(`${addressOf(number)} is cut off`);
    await bed.cut(number);
    try {
      await pass(goneMs);
      await clients.flowing();
    } finally {
      await bed.heal(number);
    }
    await cluster.well();
    tellAll(tell, await clients.judge(before, loseOne));
  },
};

export const stoppedLoop: Step = {
  name: 'stop an event loop (SIGSTOP): the watchdog must start it again',
  async run({ bed, cluster, clients, tell }: Scene) {
    const host = bed.host(await clients.busiest());
    const before = await clients.marks();
    const restarts = async (): Promise<number> =>
      Number(await host.ssh(`systemctl show ${unit} --property=NRestarts --value`));
    const had = await restarts();
    await host.ssh('kill -STOP $(podman inspect --format {{.State.Pid}} mqtt-cluster-broker)');
    await until('the watchdog starting it again', restartMsMax, async () =>
      (await restarts()) > had ? true : undefined,
    );
    const result = await host.ssh(
      `journalctl --unit ${unit} --output cat --grep 'Watchdog timeout' | tail -n 1`,
    );
    tell(`${host.address}: ${result.trim()}`);
    if (!result.includes('Watchdog'))
      throw new RehearsalError('it was started again, but not by the watchdog');
    await cluster.well();
    tellAll(tell, await clients.judge(before, loseOne));
  },
};

export const addressMoves: Step = {
  name: 'power off the host that holds the virtual address: mosquitto_sub must go on receiving',
  async run({ bed, cluster, clients, address, tell }: Scene) {
    const before = await clients.marks();
    address.start();
    try {
      await address.receiving();
      const holder = await holderOf(bed, cluster.hosts);
      tell(`${addressOf(holder)} holds ${addressOf(virtualHost)}`);
      await bed.host(holder).powerOff();
      const next = await holderOf(
        bed,
        cluster.hosts.filter((host) => host !== holder),
      );
      tell(`${addressOf(next)} holds it now`);
      // Only now: what came before may have been on its way already.
      await address.receiving();
      await bed.host(holder).start();
      await bed.host(holder).reachable();
      await cluster.well();
      await address.receiving();
      tell(address.describe());
    } finally {
      address.stop();
    }
    tellAll(tell, await clients.judge(before, loseOne));
  },
};

function holderOf(bed: Bed, hosts: readonly number[]): Promise<number> {
  return until('somebody holding the virtual address', restartMsMax, async () => {
    for (const host of hosts) {
      const { output } = await attempt('ip', [
        '-n',
        namespaceOf(bed.layout, host),
        '-o',
        'address',
        'show',
        'dev',
        'eth0',
      ]);
      if (output.includes(` ${addressOf(virtualHost)}/`)) return host;
    }
    return undefined;
  });
}
