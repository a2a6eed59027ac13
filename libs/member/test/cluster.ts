import type {
  ClientEffect,
  Member,
  MemberEvent,
  MemberId,
  MemberOutput,
  Outgoing,
  RecoveredState,
} from '@mqtt-cluster/contracts';
import { createMember, defaultLimits, lanMemberTimings } from '../src/index.ts';
import type { MemberOptions } from '../src/index.ts';

const stepMs = 10;

/** A cluster of members in one process, with a disk that never fails and a network that tests can cut. */
export class TestCluster {
  readonly members = new Map<MemberId, Member>();
  readonly effects = new Map<MemberId, ClientEffect[]>();
  readonly events = new Map<MemberId, MemberEvent[]>();
  readonly #cut = new Set<MemberId>();
  /**
   * The network delays the live messages from this member, like a stalled link that keeps them in its
   * buffers.
   */
  stalled: MemberId | null = null;
  /** Whether the stores reject snapshots of the members' own states, because their disks have no room. */
  refusesSnapshots = false;
  /** The network holds back the proposals of this member. The member sends them again later. */
  holdProposals: MemberId | null = null;
  readonly #held: { from: MemberId; outgoing: Outgoing }[] = [];
  nowMs = 0;
  /** Members whose process hangs: the test cluster passes no ticks and no messages to them. */
  readonly hanging = new Set<MemberId>();

  constructor(ids: readonly MemberId[], options: Partial<MemberOptions> = {}) {
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    for (const [position, id] of ids.entries()) {
      const member = createMember({
        id,
        members: ids,
        urls: [`mqtt://${id}`],
        recovered: emptyStore(position),
        whenIsolated: 'accept',
        timings: lanMemberTimings,
        limits: defaultLimits,
        random,
        ...options,
      });
      this.members.set(id, member);
      this.effects.set(id, []);
      this.events.set(id, []);
    }
    for (const id of ids) for (const peer of ids) if (id !== peer) this.member(id).link(peer, 'up');
  }

  member(id: MemberId): Member {
    return this.members.get(id)!;
  }

  /** Lets a test observe or change each output of a member. */
  onOutput(id: MemberId, change: (output: MemberOutput) => MemberOutput): void {
    const member = this.member(id);
    const take = member.take.bind(member);
    member.take = () => change(take());
  }

  cut(id: MemberId): void {
    this.#cut.add(id);
    for (const peer of this.members.keys()) {
      if (peer === id) continue;
      this.member(peer).link(id, 'down');
      this.member(id).link(peer, 'down');
    }
  }

  heal(id: MemberId): void {
    this.#cut.delete(id);
    for (const peer of this.members.keys()) {
      if (peer === id) continue;
      this.member(peer).link(id, 'up');
      this.member(id).link(peer, 'up');
    }
  }

  run(durationMs: number): void {
    for (const end = this.nowMs + durationMs; this.nowMs < end; this.nowMs += stepMs) this.#step();
  }

  /** Runs until `holds` returns true. @throws Error after ten seconds of virtual time */
  until(what: string, holds: () => boolean): void {
    for (const end = this.nowMs + 10_000; this.nowMs < end; this.nowMs += stepMs) {
      if (holds()) return;
      this.#step();
    }
    throw new Error(`did not happen in time: ${what}`);
  }

  serve(): void {
    this.until('all serve', () =>
      [...this.members.values()].every((member) => member.status().state === 'serving'),
    );
  }

  leader(): MemberId {
    return [...this.members.keys()].find((id) => this.member(id).status().role === 'leader')!;
  }

  /** Ends the stall of the link and delivers the held live messages. */
  flow(): void {
    this.stalled = null;
    for (const { from, outgoing } of this.#held.splice(0)) {
      this.member(outgoing.to).receive(from, outgoing.message);
    }
  }

  /** Returns the effects for one connection since the last call. */
  takeEffects(id: MemberId, connection: number): ClientEffect[] {
    const all = this.effects.get(id)!;
    this.effects.set(
      id,
      all.filter((effect) => effect.connection !== connection),
    );
    return all.filter((effect) => effect.connection === connection);
  }

  #step(): void {
    for (const [id, member] of this.members) if (!this.hanging.has(id)) member.tick(this.nowMs);
    for (let round = 0; round < 50; round++) if (!this.#exchange()) return;
  }

  #exchange(): boolean {
    const sent: { from: MemberId; outgoing: Outgoing }[] = [];
    let busy = false;
    for (const [id, member] of this.members) {
      if (this.hanging.has(id)) continue;
      const output = member.take();
      this.effects.get(id)!.push(...output.effects);
      this.events.get(id)!.push(...output.events);
      for (const outgoing of output.send) sent.push({ from: id, outgoing });
      if (output.write !== null) {
        const { token, change } = output.write;
        const isOwnSnapshot = change.snapshot !== undefined && change.dropLog !== true;
        if (isOwnSnapshot && this.refusesSnapshots) member.writeRefused(token);
        else member.written(token);
      }
      busy ||= output.more || output.write !== null;
    }
    for (const { from, outgoing } of sent) {
      if (this.#cut.has(from) || this.#cut.has(outgoing.to) || this.hanging.has(outgoing.to)) continue;
      if (this.holdProposals === from && outgoing.message.type === 'propose') continue;
      if (this.stalled === from && outgoing.channel === 'live') {
        this.#held.push({ from, outgoing });
        continue;
      }
      this.member(outgoing.to).receive(from, outgoing.message);
    }
    return busy || sent.length > 0;
  }
}

function emptyStore(position: number): RecoveredState {
  return {
    storeId: String(position).padStart(32, '0'),
    incarnation: 1,
    fresh: true,
    hardState: { term: 0, votedFor: null },
    snapshot: null,
    entries: [],
    outbox: [],
    repairs: [],
  };
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value);

export const request = (client: string, sessionExpirySeconds = 0) => ({
  client,
  clean: sessionExpirySeconds === 0,
  sessionExpirySeconds,
  receiveMaximum: 65_535,
});
