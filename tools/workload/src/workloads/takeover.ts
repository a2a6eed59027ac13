import { between, seededRandom } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { publishIntervalMs, supportedVersion } from './client-spec.ts';
import type { ClientSpec, WorkloadContext, ClientStep } from './client-spec.ts';

/** Number of client ids that several clients use. */
const contestedIds = 3;
const contenders = 3;
/**
 * Time between two takeovers, ms. It is longer than the bound of a takeover (P4), so that the checker can
 * report an older connection that stays open.
 */
const longRestMs = 6_000;
const longRestShare = 0.25;

/**
 * Groups of two or three clients with the same client id, which connect to different servers (P4). They use
 * QoS 1 at most: they don't share their session state, so one client can't complete a QoS 2 exchange that
 * another client has begun.
 */
export function takeover(context: WorkloadContext): ClientSpec[] {
  const root = `${context.prefix}takeover/`;
  const specs: ClientSpec[] = [];
  for (let id = 0; id < contestedIds; id++) {
    const seed = between(context.random, 0, 0x7fffffff);
    const clean = id % 2 === 1;
    for (let position = 0; position < (id === 0 ? contenders : 2); position++) {
      specs.push({
        name: `contender-${id}-${position}`,
        clientId: `contested-${id}`,
        version: supportedVersion(context, id === 1 ? 5 : 4),
        clean,
        expirySeconds: clean ? 0 : null,
        subscriptions: [{ filter: `${root}${id}/#`, qos: 1 }],
        firstServer: id + position,
        onLoss: { kind: 'wait for plan' },
        expectedAtEnd: false,
        // The clients with the same id use the same seed, so that they connect at the same time to different servers.
        plan: (random) => racing(seededRandom(seed, 'race'), random, `${root}${id}/`, position, context),
      });
    }
  }
  return specs;
}

function* racing(
  common: Random,
  random: Random,
  root: string,
  position: number,
  context: WorkloadContext,
): Generator<ClientStep, void, void> {
  const perSecond = context.rate / (2 * contestedIds);
  for (;;) {
    const restMs = (common() < longRestShare ? longRestMs : 300) + common() * 1_700;
    const base = Math.floor(common() * context.servers);
    const together = common() < 0.5;
    // The clients connect at the same time, or one after another within the duration of a takeover.
    const lateMs = together ? 0 : random() * 400;
    for (let spentMs = 0; spentMs < restMs;) {
      const ms = Math.min(publishIntervalMs(random, perSecond), restMs - spentMs);
      yield { do: 'publish', topic: `${root}${position}`, qos: random() < 0.3 ? 0 : 1 };
      yield { do: 'wait', ms };
      spentMs += Math.max(ms, 1);
    }
    if (lateMs > 0) yield { do: 'wait', ms: lateMs };
    yield { do: 'move', how: 'drop', awayMs: 0, server: (base + position) % context.servers };
  }
}
