import { RateLimitedLog } from '@mqtt-cluster/contracts';
import type { AccessSubject, Logger } from '@mqtt-cluster/contracts';

/** One line a minute about each client and kind of refusal. */
const intervalMs = 60_000;
/** Lines of all clients within one interval. */
const linesMax = 100;

export type RefusedAct = 'connect' | 'will' | 'publish' | 'subscribe' | 'receive' | 'connection';

const messages: Readonly<Record<RefusedAct, string>> = {
  connect: 'Client rejected: its credentials are not accepted',
  will: 'Client rejected: it may not publish its will',
  publish: 'Publish of a client rejected: no rule permits it',
  subscribe: 'Subscription of a client rejected: no rule permits it',
  receive: 'Message not sent to a client: no rule permits its topic',
  connection: 'Client disconnected: it lost a right that it uses',
};

/** Logs refusals, so that the operator sees which rule a client needs, and attacks. */
export class RefusalLog {
  readonly #log: RateLimitedLog;

  constructor(logger: Logger, now: () => number = (): number => performance.now()) {
    this.#log = new RateLimitedLog(logger, now, { intervalMs, linesMax });
  }

  report(act: RefusedAct, { identity }: Pick<AccessSubject, 'identity'>, fields: object): void {
    const { client, user, address, listener } = identity;
    const who = { client, ...(user !== undefined && { user }), address, listener };
    this.#log.warn(`client ${client}`, { ...who, ...fields }, messages[act]);
  }
}
