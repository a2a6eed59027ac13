import { jest } from '@jest/globals';
import type { QoS } from '@mqtt-cluster/contracts';
import fc from 'fast-check';
import { MessageBodies } from '../src/bodies/message-bodies.ts';
import { SessionQueue } from '../src/session/session-queue.ts';

function queue(): { items: SessionQueue; append: (qos: QoS, packetId?: number) => void } {
  const bodies = new MessageBodies();
  const items = new SessionQueue(bodies);
  const append = (qos: QoS, packetId = 0): void => {
    const body = bodies.add({ topic: 't', payload: new Uint8Array(), qos, retain: false }, undefined);
    bodies.keep(body);
    const fields = { qos, retain: false, retainedIndex: 0 };
    if (packetId === 0) items.append(body, fields);
    else items.restore(items.nextNumber++, body, fields, packetId, false);
  };
  return { items, append };
}

/** Returns the number of the first item that is not a QoS 2 exchange in progress. */
function firstWithoutPacketId(items: SessionQueue): number | undefined {
  return [...items.from(0)].find(({ packetId }) => packetId === 0)?.number;
}

describe('the oldest item of a queue that can be dropped', () => {
  type Step =
    | { readonly kind: 'append'; readonly qos: QoS; readonly count: number }
    | { readonly kind: 'restore'; readonly packetId: number }
    | { readonly kind: 'fill'; readonly receiveMaximum: number }
    | { readonly kind: 'remove' | 'receive'; readonly place: number }
    | { readonly kind: 'drop'; readonly count: number };
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant('append' as const),
      qos: fc.constantFrom<QoS>(0, 1, 2),
      count: fc.integer({ min: 1, max: 40 }),
    }),
    fc.record({ kind: fc.constant('restore' as const), packetId: fc.integer({ min: 40_000, max: 65_535 }) }),
    fc.record({ kind: fc.constant('fill' as const), receiveMaximum: fc.integer({ min: 1, max: 120 }) }),
    fc.record({ kind: fc.constantFrom('remove' as const, 'receive' as const), place }),
    fc.record({ kind: fc.constant('drop' as const), count: fc.integer({ min: 1, max: 60 }) }),
  );

  test('is the first one without a packet id, after any changes of the queue', () => {
    let drops = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const { items, append } = queue();
        for (const each of steps) {
          const at = 'place' in each ? items.numbers()[Math.floor(each.place * items.size)] : undefined;
          if (each.kind === 'append') for (let left = each.count; left > 0; left--) append(each.qos);
          else if (each.kind === 'restore') {
            if (items.outgoing(each.packetId) === undefined) append(2, each.packetId);
          } else if (each.kind === 'fill') items.fillWindow(each.receiveMaximum);
          else if (each.kind === 'remove' && at !== undefined) items.remove(at);
          else if (each.kind === 'receive' && at !== undefined) items.markReceived(at);
          else if (each.kind === 'drop')
            for (let left = each.count; left > 0; left--) {
              const oldest = items.oldestDroppable();
              expect(oldest?.number).toBe(firstWithoutPacketId(items));
              if (oldest === undefined) break;
              items.remove(oldest.number);
              drops++;
            }
          expect(items.oldestDroppable()?.number).toBe(firstWithoutPacketId(items));
        }
      }),
      { numRuns: 300 },
    );
    expect(drops).toBeGreaterThan(1_000);
  });

  test('is found behind a full window of QoS 2 without a look at the window for each message', () => {
    const { items, append } = queue();
    for (let left = 1_100; left > 0; left--) append(2);
    items.fillWindow(100);
    const lookUps = jest.spyOn(items, 'packetIdOf');
    for (let message = 1; message <= 3_000; message++) {
      append(2);
      expect(items.remove(items.oldestDroppable()!.number)).not.toBeNull();
    }
    expect(items.outgoing(32_768)?.number).toBe(1);
    expect(items.size).toBe(1_100);
    // Two for each message, and the window once at the start and after each compaction.
    expect(lookUps.mock.calls.length).toBeLessThan(7_000);
  });
});
