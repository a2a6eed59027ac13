import type { HelloMessage } from '../peer-message.ts';

/** Returns the hello message of a member that joins with an empty state, changed by `fields`. */
export function helloOf(fields: Partial<HelloMessage> = {}): HelloMessage {
  return {
    type: 'hello',
    storeId: 'c'.repeat(32),
    incarnation: 1,
    fresh: false,
    config: null,
    state: 'joining',
    clients: 0,
    load: 0,
    urls: [],
    semantics: 1,
    appliedIndex: 0,
    digest: null,
    known: [],
    ...fields,
  };
}
