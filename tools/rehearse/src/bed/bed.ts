import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { RehearsalError } from '../errors.ts';
import { buildBase, buildNodeBase, installMachinePackages } from './base.ts';
import { joinBed } from './cgroup.ts';
import { Host } from './host.ts';
import { brokerHosts, clientHost, monitoringHost } from './layout.ts';
import type { BedLayout } from './layout.ts';
import { createBridge, cut, heal, removeBridge, unpart } from './network.ts';

/** Hosts on this machine that are real for everything above the kernel. */
export class Bed {
  readonly layout: BedLayout;
  readonly hosts: ReadonlyMap<number, Host>;

  constructor(layout: BedLayout) {
    this.layout = layout;
    const numbers = [...brokerHosts, clientHost, monitoringHost];
    this.hosts = new Map(numbers.map((number) => [number, new Host(number, layout)]));
  }

  /** @throws RehearsalError when there is none of that number */
  host(number: number): Host {
    const found = this.hosts.get(number);
    if (found) return found;
    throw new RehearsalError(`there is no host ${number}; there are ${[...this.hosts.keys()].join(', ')}`);
  }

  async build(tell: (text: string) => void): Promise<void> {
    joinBed(this.layout.name);
    await installMachinePackages(tell);
    await buildBase(this.layout, tell);
    await buildNodeBase(this.layout, tell);
  }

  async start(numbers: readonly number[]): Promise<void> {
    await createBridge(this.layout);
    for (const number of numbers) await this.host(number).start();
    await Promise.all(numbers.map((number) => this.host(number).reachable()));
  }

  /** Its packets go nowhere, silently: it keeps its carrier. */
  cut(number: number): Promise<void> {
    return cut(this.layout, this.host(number).number);
  }

  heal(number: number): Promise<void> {
    return heal(this.layout, this.host(number).number);
  }

  async stop(): Promise<void> {
    await unpart(this.layout);
    await Promise.all([...this.hosts.values()].map((host) => host.powerOff()));
    await removeBridge(this.layout);
  }

  /** The hosts with their disks; what was built for all of them stays. */
  async wipe(): Promise<void> {
    await this.stop();
    for (const host of this.hosts.values()) await host.wipe();
    rmSync(join(this.layout.directory, 'hosts'), { recursive: true, force: true });
  }
}
