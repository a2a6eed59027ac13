import type { MessagePages } from '@mqtt-cluster/contracts';
import type { BodyCache, MqttState } from '@mqtt-cluster/mqtt-state';
import type { MemberOptions } from '../options.ts';

/** Opens pages for each new state of this member, and closes the pages of the state that it replaces. */
export class StatePages {
  readonly #options: Pick<MemberOptions, 'limits' | 'openMessagePages'>;
  #pages: MessagePages | null = null;

  constructor(options: Pick<MemberOptions, 'limits' | 'openMessagePages'>) {
    this.#options = options;
  }

  /** Creates a state. The former state must not be used any more, unless `create` throws. */
  use(create: (cache: BodyCache | null) => MqttState): MqttState {
    const { limits, openMessagePages } = this.#options;
    if (openMessagePages === undefined) return create(null);
    const pages = openMessagePages();
    let state: MqttState;
    try {
      state = create({ pages, bytesMax: limits.messageCacheBytesMax });
    } catch (error) {
      pages.close();
      throw error;
    }
    this.#pages?.close();
    this.#pages = pages;
    return state;
  }
}
