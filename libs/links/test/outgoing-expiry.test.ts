import type { IPublishPacket } from 'mqtt-packet';
import { limits, OutgoingHalf } from './support/outgoing-half.ts';

/** Message Expiry Intervals of the packets since the last call. */
function intervals(half: OutgoingHalf): (number | undefined)[] {
  return half.sent.splice(0).map((packet) => (packet as IPublishPacket).properties?.messageExpiryInterval);
}

describe('the Message Expiry Interval of a message that waits in a link', () => {
  it('is what is left of it when the message is sent, also when it is sent again [5.0 MQTT-3.3.2-6]', () => {
    const half = new OutgoingHalf();
    half.deliver(1, 1, { expirySeconds: 60 });
    half.deliver(2, 1);
    half.nowMs = 20_500;
    half.outgoing.onConnected(limits);
    expect(intervals(half)).toEqual([40, undefined]);
    half.outgoing.onDisconnected('closed');
    half.nowMs = 59_900;
    half.outgoing.onConnected(limits);
    expect(intervals(half)).toEqual([1, undefined]);
  });

  it.each(['5.0', '3.1.1'])(
    'ends the message, which is dropped and counted, and the next one follows (MQTT %s) [5.0 MQTT-3.3.2-5]',
    (protocol) => {
      const half = new OutgoingHalf({ protocol });
      half.deliver(1, 1, { expirySeconds: 60 });
      half.deliver(40_000, 2, { expirySeconds: 60 });
      half.deliver(2, 1, { expirySeconds: 61 });
      half.nowMs = 60_000;
      half.outgoing.onConnected(limits);
      expect(half.take()).toEqual(['publish 2 qos1']);
      expect(half.takeInputs()).toEqual(['puback 1', 'pubrec 40000 refused']);
      expect(half.counters.dropped.expired).toBe(2);
      expect(half.faults).toEqual([]);
    },
  );

  it('ends a message that the other broker refuses, when it is due to be sent again', () => {
    const half = new OutgoingHalf();
    half.outgoing.onConnected(limits);
    half.deliver(40_000, 2, { expirySeconds: 5 });
    half.outgoing.onPubrec(40_000, 0x97);
    half.take();
    half.nowMs = 6_000;
    half.pause!.end();
    expect([half.take(), half.takeInputs()]).toEqual([[], ['pubrec 40000 refused']]);
  });

  it('does not end a QoS 2 exchange that the other broker may hold: PUBLISH has the least interval [5.0 MQTT-4.4.0-1]', () => {
    const half = new OutgoingHalf();
    half.outgoing.onConnected(limits);
    half.deliver(40_000, 2, { expirySeconds: 60 });
    // The former runner may have sent this one.
    half.deliver(40_001, 2, { expirySeconds: 0, dup: true });
    expect(intervals(half)).toEqual([60, 1]);
    half.outgoing.onDisconnected('closed');
    half.nowMs = 3_600_000;
    half.outgoing.onConnected(limits);
    expect(intervals(half)).toEqual([1, 1]);
    expect(half.counters.dropped.expired).toBe(0);
  });

  it('ends a QoS 2 message when the other broker has lost its session and the exchange with it', () => {
    const half = new OutgoingHalf();
    half.outgoing.onConnected(limits);
    half.deliver(40_000, 2, { expirySeconds: 60 });
    half.deliver(40_001, 2, { expirySeconds: 60 });
    half.outgoing.onPubrec(40_001);
    half.outgoing.onPubrel(40_001);
    half.takeInputs();
    half.take();
    half.outgoing.onDisconnected('closed');
    half.nowMs = 60_000;
    half.outgoing.onConnected({ ...limits, sessionPresent: false });
    expect([half.take(), half.takeInputs()]).toEqual([[], ['pubrec 40000 refused', 'pubcomp 40001']]);
    expect(half.counters.dropped.expired).toBe(2);
    expect(half.counters.possibleDuplicates).toBe(0);
  });
});
