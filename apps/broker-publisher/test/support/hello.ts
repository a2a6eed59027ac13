import type { HelloMessage } from '@mqtt-cluster/contracts';

/** Returns the hello message of an isolated member. @param api the version of its HTTP API; absent in older versions */
export function helloOf(api?: number): HelloMessage {
  return {
    type: 'hello',
    storeId: 'c'.repeat(32),
    incarnation: 9,
    fresh: false,
    config: null,
    state: 'isolated',
    clients: 0,
    load: 0,
    urls: [],
    semantics: 1,
    appliedIndex: 0,
    digest: null,
    known: [],
    ...(api !== undefined && { api }),
  };
}
