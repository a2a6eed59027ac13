import type { MessagePages } from '@mqtt-cluster/contracts';
import type { BodyCache, MqttState } from '@mqtt-cluster/mqtt-state';
import type { MemberOptions } from '../options.ts';

/** Opens pages for each new state of this member, and closes the pages of the state that it replaces. */
export class StatePages {
  readonly #open: MemberOptions['openMessagePages'];
  readonly #bytesMax: number;
  #pages: MessagePages | null = null;

  constructor({ openMessagePages, limits }: Pick<MemberOptions, 'limits' | 'openMessagePages'>) {
    this.#open = openMessagePages;
    this.#bytesMax = limits.messageCacheBytesMax;
  }

  /** Creates a state. The former state must not be used any more, unless `create` throws. */
  use(create: (cache: BodyCache | null) => MqttState): MqttState {
    if (this.#open === undefined) return create(null);
    const pages = this.#open();
    let state: MqttState;
    try {
      state = create({ pages, bytesMax: this.#bytesMax });
    } catch (error) {
      pages.close();
      throw error;
    }
    this.#pages?.close();
    this.#pages = pages;
    return state;
  }
}
