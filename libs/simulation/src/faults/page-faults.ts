import type { PageDamage, PageDisk } from '../disk/page-disk.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { FaultContext } from './fault-context.ts';
import type { Fault } from './fault-context.ts';

/** Gap between two faults of pages. */
const gapMsMin = 50;
const gapMsMax = 800;
const damages: readonly PageDamage[] = ['torn', 'lost', 'flipped'];

/**
 * Injects faults of the disks below the message pages, beside all other faults of a run. Its random numbers come from a generator
 * of its own, so runs without these faults do not change.
 */
export class PageFaultInjector {
  readonly #context: FaultContext;

  constructor(world: World, random: Random) {
    this.#context = new FaultContext(world, random);
  }

  start(): void {
    this.#context.injectEach(faults, gapMsMin, gapMsMax);
  }

  /** Ends all faults. A process whose pages are damaged ends, so that it does not find the damage later. */
  end(): void {
    const { world } = this.#context;
    this.#context.stop();
    for (const { id, isUp, pages } of world.hosts) {
      if (pages === null) continue;
      pages.repair();
      if (isUp && pages.isDamaged) world.kill(id);
    }
  }
}

const faults: readonly Fault[] = [damagePage, damagePage, failReads, failWrites];

/** Tears, loses or changes the page files of a member. The member finds that when it reads a message there. */
function damagePage(context: FaultContext): void {
  onePageDisk(context, (pages, id) => {
    const kind = context.random.pick(damages);
    const files = pages.damage(kind);
    if (files === 0) return;
    context.count('damages of page files');
    context.world.history.log(() => `page files of ${id} ${kind}: ${files}`);
  });
}

/** Makes reads of pages fail with EIO for a moment. */
function failReads(context: FaultContext): void {
  onePageDisk(context, (pages, id) => {
    context.count('page disks that fail reads');
    context.world.history.log(() => `page reads of ${id} fail`);
    pages.failsReads = true;
    context.later(5, 500, () => (pages.failsReads = false));
  });
}

/** Makes writes of pages fail for a while. */
function failWrites(context: FaultContext): void {
  onePageDisk(context, (pages, id) => {
    context.count('page disks that fail writes');
    context.world.history.log(() => `page writes of ${id} fail`);
    pages.failsWrites = true;
    context.later(50, 1_500, () => (pages.failsWrites = false));
  });
}

function onePageDisk(context: FaultContext, act: (pages: PageDisk, id: string) => void): void {
  const [id] = context.randomMembers(1);
  const pages = id === undefined ? null : context.world.host(id).pages;
  if (id !== undefined && pages !== null) act(pages, id);
}
