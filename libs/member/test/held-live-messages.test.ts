import type { LiveMessage } from '@mqtt-cluster/contracts';
import type { MemberContext } from '../src/context.ts';
import { HeldLiveMessages } from '../src/home/live/held-live-messages.ts';
import { text } from './cluster.ts';

describe('a live message whose sender has applied more of the log than its receiver', () => {
  let context: { nowMs: number; hasMajority: boolean; readonly state: { index: number } };
  let delivered: string[];
  let held: HeldLiveMessages;

  const receive = (topic: string, appliedIndex: number, from = 'b'): void => {
    const messages = [{ topic, payload: text('x'), qos: 0, retain: false }];
    held.receive(from, { type: 'live', appliedIndex, messages, direct: [] } as unknown as LiveMessage, 0);
  };

  beforeEach(() => {
    context = { nowMs: 1_000, hasMajority: true, state: { index: 5 } };
    delivered = [];
    held = new HeldLiveMessages(context as unknown as MemberContext, ({ messages }) => {
      for (const { topic } of messages) delivered.push(topic);
    });
  });

  test('waits until the receiver has applied the same entries [3.1.1 MQTT-4.6.0-6] [5.0 MQTT-4.6.0-5]', () => {
    receive('first', 5);
    receive('second', 6);
    receive('of another sender', 5, 'c');
    held.release();
    expect(delivered).toEqual(['first', 'of another sender']);
    context.state.index = 6;
    held.release();
    expect(delivered).toEqual(['first', 'of another sender', 'second']);
  });

  test('stays in front of later messages of the same sender', () => {
    receive('first', 6);
    receive('second', 5);
    expect(delivered).toEqual([]);
    context.state.index = 6;
    held.release();
    expect(delivered).toEqual(['first', 'second']);
  });

  test('waits at most 100 ms', () => {
    receive('first', 6);
    context.nowMs += 99;
    held.release();
    expect(delivered).toEqual([]);
    context.nowMs += 1;
    held.release();
    expect(delivered).toEqual(['first']);
  });

  test('does not wait at a member without a majority, whose log may not advance', () => {
    receive('first', 6);
    context.hasMajority = false;
    receive('of another sender', 6, 'c');
    held.release();
    expect(delivered).toEqual(['of another sender', 'first']);
  });
});
