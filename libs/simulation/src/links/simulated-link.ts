import { semanticsVersion } from '@mqtt-cluster/contracts';
import type { Member, MemberId } from '@mqtt-cluster/contracts';
import { checkSession } from '../checks/delivery.ts';
import type { Host } from '../world/host.ts';
import type { Random } from '../world/random.ts';
import type { World } from '../world/world.ts';
import { LinkRunner, outgoingClient, outgoingFilter } from './link-runner.ts';
import { OtherSite } from './other-site.ts';

/** Interval of the decisions of each member, ms. */
const decideMs = 250;
/** The member at the next position starts the link this much later, ms. */
const positionMs = 2_000;
/** After the session of the link has ended at a member, it does not start the link for this time, ms. */
const pauseAfterEndMs = 2_000;

/** What one process of a member knows about the link. */
interface Place {
  readonly host: Host;
  readonly process: number;
  runner: LinkRunner | null;
  /** Since when no member runs the link, ms; null while one does. */
  chooseSinceMs: number | null;
  pausedUntilMs: number;
}

/**
 * A link of the cluster to another site: one member runs it, and each member decides every 250 ms whether it starts or ends
 * it (docs/DESIGN.md, "Links to other brokers"). This is a model of `libs/links`; the sessions below it are production code.
 */
export class SimulatedLink {
  readonly site: OtherSite;
  readonly #world: World;
  readonly #random: Random;
  /** The order in which the members take the link. */
  readonly #order: readonly MemberId[];
  readonly #places = new Map<MemberId, Place>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    this.#order = random.shuffled(world.hosts.map(({ id }) => id));
    this.site = new OtherSite(world.history, world.timeline, random.fork(), outgoingFilter);
  }

  start(): void {
    for (const host of this.#world.hosts) this.#decideAfter(host, this.#random.between(0, decideMs));
  }

  /** The member that runs the link and is connected to the other site. */
  get runner(): MemberId | null {
    return this.site.runner;
  }

  /** Returns what the link still has to do, or null. */
  problem(): string | null {
    if (!this.site.isSubscribed) return 'the link has not run';
    const unread = this.site.stream.filter(({ ackedAtMs }) => ackedAtMs === null).length;
    if (unread > 0) return `the link has not published ${unread} messages of the stream`;
    if (this.site.openExchanges > 0) return `${this.site.openExchanges} exchanges of the link are open`;
    for (const { id, member } of this.#world.hosts) {
      const queued = member?.view().session(outgoingClient)?.queuedMessages ?? 0;
      if (queued > 0) return `${id} has ${queued} messages for the other site`;
    }
    return null;
  }

  /** Checks that the other site has every acknowledged message, QoS 2 once, in the order of each publisher and topic. */
  check(): void {
    checkSession(this.#world.history, this.site.session, false);
  }

  #decideAfter(host: Host, delayMs: number): void {
    this.#world.timeline.after(delayMs, () => {
      if (host.state === 'running' && host.member !== null) this.#decide(this.#placeOf(host), host.member);
      this.#decideAfter(host, decideMs);
    });
  }

  #placeOf(host: Host): Place {
    const known = this.#places.get(host.id);
    if (known !== undefined && known.process === host.process) return known;
    const { process } = host;
    const place = { host, process, runner: null, chooseSinceMs: null, pausedUntilMs: -Infinity };
    this.#places.set(host.id, place);
    return place;
  }

  #decide(place: Place, member: Member): void {
    const { id } = place.host;
    const status = member.status();
    const home = member.view().session(outgoingClient)?.home ?? null;
    if (place.runner !== null) {
      if (status.state === 'serving') return;
      // The session of a draining member stays open until the next runner takes it over.
      place.runner.stop(status.state === 'draining');
      place.runner = null;
      return;
    }
    // An older program has no links.
    if (status.state !== 'serving' || status.semantics < semanticsVersion) return;
    const isFree =
      home === null ||
      home === id ||
      status.links[home] === 'refused' ||
      status.peers[home]?.state === 'draining';
    if (!isFree) place.chooseSinceMs = null;
    else this.#choose(place, member, home === id);
  }

  #choose(place: Place, member: Member, isHome: boolean): void {
    const { nowMs } = this.#world;
    const { id } = place.host;
    if (nowMs < place.pausedUntilMs) return;
    place.chooseSinceMs ??= nowMs;
    const { links, peers } = member.status();
    const isAble = (other: MemberId): boolean =>
      other === id || (links[other] === 'up' && peers[other]?.state === 'serving');
    const position = this.#order.filter(isAble).indexOf(id);
    if (nowMs - place.chooseSinceMs < (isHome ? 0 : position * positionMs)) return;
    place.chooseSinceMs = null;
    this.#world.history.log(() => `${id} starts the link`);
    const runner: LinkRunner = new LinkRunner(this.#world, place.host, this.site, this.#random.fork(), () => {
      if (place.runner !== runner) return;
      place.runner = null;
      place.pausedUntilMs = this.#world.nowMs + pauseAfterEndMs;
    });
    place.runner = runner;
  }
}
