import { counter, gauge, histogram } from './define.ts';

/** Metrics of the logins of MQTT clients. */
export const authenticationMetrics = {
  authentications: counter('authentications_total', {
    unit: 'events',
    help:
      'Logins of clients, by the provider that decided and by the result. none: no provider knows the client. ' +
      'credentials: user name, password or token are wrong. busy: too many password checks wait. limited: too many ' +
      'logins from the same address have failed. unavailable: the provider could not decide.',
    values: {
      provider: ['anonymous', 'cluster', 'passwordFile', 'certificate', 'jwt', 'none'],
      result: ['accepted', 'credentials', 'busy', 'limited', 'unavailable'],
    },
  }),
  cacheHits: counter('password_cache_hits_total', {
    unit: 'events',
    help: 'Logins with a password that matched earlier, so that no hash was computed.',
  }),
  hashQueueLength: gauge('password_hash_queue_length', {
    unit: 'none',
    help: 'Logins that wait for a thread that computes password hashes.',
  }),
  hashSeconds: histogram('password_hash_seconds', [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5], {
    unit: 'seconds',
    help: 'Time that a thread needed for the password hashes of one login.',
  }),
} as const;
