import type { ClientEffect, ConnectionId } from '@mqtt-cluster/contracts';
import type { LocalConnection, LocalMember } from '@mqtt-cluster/links';
import type { MemberRunner } from '../node/member-runner.ts';

/** The client connections of the links inside this process. */
export class LinkConnections implements LocalMember {
  readonly #runner: Pick<MemberRunner, 'input' | 'readMember' | 'status'>;
  readonly #nextConnection: () => ConnectionId;
  readonly #handlers = new Map<ConnectionId, (effect: ClientEffect) => void>();

  constructor(
    runner: Pick<MemberRunner, 'input' | 'readMember' | 'status'>,
    nextConnection: () => ConnectionId,
  ) {
    this.#runner = runner;
    this.#nextConnection = nextConnection;
  }

  /** Receives the effects of each turn of the member. */
  onEffects(effects: readonly ClientEffect[]): void {
    if (this.#handlers.size === 0) return;
    for (const effect of effects) if (effect.connection < 0) this.#handlers.get(effect.connection)?.(effect);
  }

  connect(onEffect: (effect: ClientEffect) => void): LocalConnection {
    const id = this.#nextConnection();
    this.#handlers.set(id, onEffect);
    return {
      input: (input) => this.#runner.input(id, input),
      release: () => this.#handlers.delete(id),
    };
  }

  status(): ReturnType<LocalMember['status']> {
    return this.#runner.status();
  }

  view(): ReturnType<LocalMember['view']> {
    return this.#runner.readMember((member) => member.view());
  }
}
