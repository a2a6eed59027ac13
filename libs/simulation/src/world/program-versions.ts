import type { ClusterConfig, MemberId } from '@mqtt-cluster/contracts';
import { currentSemantics } from '@mqtt-cluster/member';
import type { SemanticsVersion } from '@mqtt-cluster/member';
import type { History } from '../history/history.ts';
import { newerSemanticsVersion } from './semantics-versions.ts';
import type { ProgramVersion } from './semantics-versions.ts';

/**
 * Chooses the semantics version of each starting member, and checks when the newer version comes into force.
 */
export class ProgramVersions {
  readonly #history: History;
  readonly #versions: ReadonlyMap<MemberId, ProgramVersion>;
  readonly #newestConfig: () => ClusterConfig | null;
  readonly #newerSemantics: SemanticsVersion;
  /** Members that have ever run the newer version. */
  readonly #everUpgraded = new Set<MemberId>();

  /**
   * @param versions the program version of each member's next start
   * @param newestConfig returns the newest configuration of the cluster, or null before the bootstrap
   */
  constructor(
    history: History,
    versions: ReadonlyMap<MemberId, ProgramVersion>,
    newestConfig: () => ClusterConfig | null,
  ) {
    this.#history = history;
    this.#versions = versions;
    this.#newestConfig = newestConfig;
    this.#newerSemantics = newerSemanticsVersion((name) => {
      if (name === 'semantics-finalised' && !history.marks.has(name)) this.#checkSupport();
      history.mark(name);
    });
  }

  /** Returns the semantics version of a member that starts now. */
  semanticsOfStart(id: MemberId): SemanticsVersion {
    if (this.#versions.get(id) !== 'newer') return currentSemantics;
    this.#everUpgraded.add(id);
    return this.#newerSemantics;
  }

  /**
   * A semantics version must not come into force before every member has run a program that supports it
   * (docs/DESIGN.md, "Semantics version"). A member may have been rolled back since it ran that program.
   */
  #checkSupport(): void {
    for (const { id } of this.#newestConfig()?.members ?? []) {
      if (this.#everUpgraded.has(id)) continue;
      const text = `the newer semantics version came into force, but ${id} has never run a program that supports it`;
      this.#history.reportViolation({ promise: 'semantics version', text });
    }
  }
}
