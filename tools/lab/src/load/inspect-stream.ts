import type { History, QoS, SentMessage, Stream, SubscriberHistory, SubscriberSession } from './history.ts';

export interface StreamFindings {
  readonly deliveredToAll: number;
  readonly lost: number;
  /** By the QoS of the delivery: a QoS 2 message is a QoS 1 one for a QoS 1 subscription. */
  readonly duplicated: readonly [number, number, number];
  readonly outOfOrder: number;
  readonly reasons: readonly string[];
}

interface SessionFindings {
  readonly seen: ReadonlySet<number>;
  readonly duplicates: readonly number[];
  /** Pairs (late, the later message that came before it). */
  readonly inversions: readonly (readonly [number, number])[];
  readonly strangers: readonly number[];
}

/** What every subscriber got of one stream, held against P1 and P2. */
export function inspectStream(stream: Stream, history: History): StreamFindings {
  const { subscribers, mayDegrade } = history;
  const lost = new Set<number>();
  const reasons: string[] = [];
  const receivedBy = new Map<number, number>();
  const duplicated: [number, number, number] = [0, 0, 0];
  let outOfOrder = 0;
  const persistent = subscribers.filter((subscriber) => subscriber.persistent).length;
  for (const subscriber of subscribers) {
    const everSeen = new Set<number>();
    for (const session of subscriber.sessions) {
      const findings = inspectSession(stream, session);
      const inversions = findings.inversions.filter((pair) => isWrongOrder(stream, pair, mayDegrade));
      const missing = missingNumbers(stream, subscriber, session, findings.seen);
      findings.seen.forEach((number) => everSeen.add(number));
      missing.forEach((number) => lost.add(number));
      const granted = Math.min(stream.qos, subscriber.qos) as QoS;
      duplicated[granted] += findings.duplicates.length;
      outOfOrder += inversions.length;
      // At most once means never twice.
      if (granted !== 1 && findings.duplicates.length > 0) {
        reasons.push(
          `${subscriber.id} got QoS ${stream.qos} ${stream.id} ${list(findings.duplicates)} twice`,
        );
      }
      if (inversions.length > 0) {
        const [late, early] = inversions[0] ?? [0, 0];
        reasons.push(`${subscriber.id} got QoS ${stream.qos} ${stream.id} ${late} after ${early}`);
      }
      if (missing.length > 0 && stream.qos > 0) {
        reasons.push(
          `${subscriber.id} never got QoS ${stream.qos} ${stream.id} ${list(missing)}, which was acked`,
        );
      }
      if (findings.strangers.length > 0) {
        reasons.push(`${subscriber.id} got ${stream.id} ${list(findings.strangers)}, which was never sent`);
      }
    }
    if (!subscriber.persistent) continue;
    for (const number of everSeen) receivedBy.set(number, (receivedBy.get(number) ?? 0) + 1);
  }
  const deliveredToAll = stream.messages.filter(
    ({ number }) => (receivedBy.get(number) ?? 0) === persistent,
  ).length;
  return { deliveredToAll, lost: lost.size, duplicated, outOfOrder, reasons };
}

function inspectSession(stream: Stream, session: SubscriberSession): SessionFindings {
  const seen = new Set<number>();
  const duplicates: number[] = [];
  const strangers: number[] = [];
  const inversions: (readonly [number, number])[] = [];
  let highest = 0;
  for (const delivery of session.deliveries) {
    if (delivery.stream !== stream.id) continue;
    const { number } = delivery;
    if (seen.has(number)) {
      duplicates.push(number);
      continue;
    }
    seen.add(number);
    if (stream.messages[number - 1] === undefined) strangers.push(number);
    if (number < highest) inversions.push([number, highest]);
    highest = Math.max(highest, number);
  }
  return { seen, duplicates, inversions, strangers };
}

/**
 * Order is promised per connection of the publisher. Unacked messages are sent again in order, so a message comes late
 * only if it was acked on an earlier connection; and that is in order too, unless the ack came from a member without a
 * majority, whose outbox joins the log at the heal, while the publisher went on elsewhere. A member that wakes up may also
 * bring a copy that its publisher has long sent again.
 */
function isWrongOrder(
  stream: Stream,
  [late, early]: readonly [number, number],
  mayDegrade: boolean,
): boolean {
  const lateMessage = stream.messages[late - 1];
  const earlyMessage = stream.messages[early - 1];
  if (lateMessage === undefined || earlyMessage === undefined) return false;
  // QoS 0 does not go through the log: only one connection is an order.
  if (stream.qos === 0) return lateMessage.firstConnection === earlyMessage.firstConnection;
  const lateAck = lateMessage.ackConnection ?? Infinity;
  const overtaken = lateAck < (earlyMessage.ackConnection ?? Infinity);
  // What a paused or cut off home still had of the earlier connection comes when it is back (QoS 1 is never void).
  const lingered = lateMessage.firstConnection < earlyMessage.firstConnection;
  return !(mayDegrade && stream.qos === 1 && (overtaken || lingered));
}

function missingNumbers(
  stream: Stream,
  subscriber: SubscriberHistory,
  session: SubscriberSession,
  seen: ReadonlySet<number>,
): number[] {
  // A clean session is owed nothing once it is over; a persistent one that was lost is reported as such.
  if (session.ended && !subscriber.persistent) return [];
  const owed = ({ sentAtMs, ackedAtMs }: SentMessage): boolean =>
    sentAtMs > session.subscribedAtMs && (stream.qos === 0 ? subscriber.persistent : ackedAtMs !== null);
  return stream.messages
    .filter((message) => owed(message) && !seen.has(message.number))
    .map(({ number }) => number);
}

const namesMax = 5;

function list(numbers: readonly number[]): string {
  const named = numbers.slice(0, namesMax).join(', ');
  return numbers.length > namesMax ? `${named} and ${numbers.length - namesMax} more` : named;
}
