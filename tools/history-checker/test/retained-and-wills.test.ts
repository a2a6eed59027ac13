import type { Limits } from '../src/history/events.ts';
import { ruleOf, Story, violated } from './history-builder.ts';
import type { ConnectOptions } from './history-builder.ts';

describe('retained (P5)', () => {
  /** Two writes of one topic; the second clears it if so wished. */
  const write = (options: { clear?: boolean; ack?: number | null; other?: boolean } = {}) => {
    const { clear = false, ack = 0, other = false } = options;
    const story = new Story();
    const publisher = story.connect('publisher');
    const older = story.publish(publisher, 't', { retain: true });
    const newer = story.publish(other ? story.connect('other') : publisher, 't', {
      retain: true,
      clear,
      ack,
    });
    return { story, older, newer };
  };

  test('servers that differ in the end', () => {
    const { story, older, newer } = write({ ack: null });
    story.settle();
    story.retained({ t: newer }, { B: { t: older } });
    const verdict = story.verdict();
    expect(violated(verdict)).toEqual(['retained']);
    expect(ruleOf(verdict, 'retained').findings[0]?.text).toBe(
      `t is ${older} on B and ${newer} on A in the end`,
    );
  });

  test('one server that shows nothing to one kind of session in the end', () => {
    const { story, newer } = write();
    story.settle();
    story.retained({ t: newer });
    expect(violated(story.verdict())).toEqual([]);
    story.retained({ t: newer }, { B: {} });
    expect(violated(story.verdict())).toEqual(['retained']);
  });

  test('all serve what was replaced', () => {
    const { story, older } = write();
    story.settle();
    story.retained({ t: older });
    expect(violated(story.verdict())).toEqual(['retained']);
  });

  test('all serve the last one; or any, if the last was not acknowledged', () => {
    const { story, newer } = write();
    story.settle();
    story.retained({ t: newer });
    expect(violated(story.verdict())).toEqual([]);
    for (const which of ['older', 'newer'] as const) {
      const open = write({ ack: null, other: true });
      open.story.settle();
      open.story.retained({ t: open[which] });
      expect(violated(open.story.verdict())).toEqual([]);
    }
  });

  test('writes that were under way together: either', () => {
    for (const last of [0, 1]) {
      const story = new Story();
      const both = ['one', 'two'].map((name) => {
        const connection = story.connect(name);
        return { connection, message: story.publish(connection, 't', { retain: true, ack: null }) };
      });
      for (const { connection, message } of both) {
        story.events.push({ type: 'acked', at: story.now(), connection, message, code: 0 });
      }
      story.settle();
      story.retained({ t: both[last]?.message ?? 0 });
      expect(violated(story.verdict())).toEqual([]);
    }
  });

  test('a topic that was cleared comes back, and one that was set is gone', () => {
    const cleared = write({ clear: true });
    cleared.story.settle();
    cleared.story.retained({ t: cleared.older });
    expect(violated(cleared.story.verdict())).toEqual(['retained']);

    const set = write();
    set.story.settle();
    set.story.retained({});
    expect(violated(set.story.verdict())).toEqual(['retained']);

    const gone = write({ clear: true });
    gone.story.settle();
    gone.story.retained({});
    expect(violated(gone.story.verdict())).toEqual([]);
  });

  test('a value that nobody wrote', () => {
    const { story } = write();
    story.settle();
    story.retained({ t: 77 });
    expect(violated(story.verdict())).toEqual(['retained']);
  });

  test('a cleared topic comes back for a new subscriber', () => {
    const tell = (pauseMs: number): string[] => {
      const { story, older } = write({ clear: true });
      story.wait(pauseMs);
      const looker = story.connect('looker', { clean: true, server: 'C' });
      story.subscribe(looker, 't', 1);
      story.deliver(looker, older, 't', { retain: true });
      return violated(story.verdict());
    };
    expect(tell(3_000)).toEqual(['retained']);
    expect(tell(1_000)).toEqual([]);
  });

  test('a new subscriber is not shown what is retained', () => {
    const tell = (how: {
      clear?: boolean;
      shown?: boolean;
      pauseMs?: number;
      staysMs?: number;
    }): string[] => {
      const { clear = false, shown = false, pauseMs = 3_000, staysMs = 1_000 } = how;
      const { story, newer } = write({ clear });
      story.wait(pauseMs);
      const looker = story.connect('looker', { clean: true, server: 'C' });
      story.subscribe(looker, '+', 1);
      if (shown) story.deliver(looker, newer, 't', { retain: true });
      story.wait(staysMs);
      story.close(looker);
      // Whatever comes later.
      story.publish(story.connect('late'), 't', { retain: true, clear: true });
      return violated(story.verdict());
    };
    expect(tell({})).toEqual(['retained']);
    expect(tell({ shown: true })).toEqual([]);
    expect(tell({ clear: true })).toEqual([]);
    // Too new, and too short a look.
    expect(tell({ pauseMs: 1_000 })).toEqual([]);
    expect(tell({ staysMs: 300 })).toEqual([]);
  });

  test('a session that stays and subscribes anew is shown it, too; what it saw elsewhere does not count', () => {
    const tell = (shownOn: 'first' | 'second'): string[] => {
      const { story, newer } = write();
      story.wait(3_000);
      const first = story.connect('looker', { server: 'B' });
      story.subscribe(first, 't', 1);
      story.deliver(first, newer, 't', { retain: true });
      story.wait(2_000);
      story.close(first);
      const second = story.connect('looker', { server: 'C', sessionPresent: true });
      story.unsubscribe(second, 't');
      story.subscribe(second, 't', 1);
      if (shownOn === 'second') story.deliver(second, newer, 't', { retain: true });
      story.wait(2_000);
      story.close(second);
      story.publish(story.connect('late'), 't', { retain: true, clear: true });
      return violated(story.verdict());
    };
    expect(tell('second')).toEqual([]);
    expect(tell('first')).toEqual(['retained']);
  });

  test('a clear that nobody acknowledged excuses who looks soon after it, not for ever', () => {
    const tell = (setAfterMs: number): string[] => {
      const { story } = write();
      const gone = story.connect('gone');
      story.publish(gone, 't', { retain: true, clear: true, ack: null });
      story.close(gone, 'lost');
      story.wait(setAfterMs);
      story.publish(story.connect('again'), 't', { retain: true });
      story.wait(3_000);
      const looker = story.connect('looker', { clean: true, server: 'C' });
      story.subscribe(looker, 't', 1);
      story.wait(1_000);
      story.close(looker);
      story.publish(story.connect('late'), 't', { retain: true, clear: true });
      return violated(story.verdict());
    };
    expect(tell(100)).toEqual([]);
    expect(tell(4_000)).toEqual(['retained']);
  });

  test('a write that was acked in isolation replaces nothing for certain', () => {
    const tell = (degradedAcks: boolean): string[] => {
      const story = new Story({ degradedAcks });
      const publisher = story.connect('publisher');
      const older = story.publish(publisher, 't', { retain: true });
      story.wait(5_000);
      const heal = story.fault('cut', ['A']);
      story.publish(publisher, 't', { retain: true });
      heal();
      story.wait(60_000);
      story.settle();
      story.retained({ t: older });
      return violated(story.verdict());
    };
    expect(tell(true)).toEqual([]);
    expect(tell(false)).toEqual(['retained']);
  });
});

describe('will (P6)', () => {
  interface Death {
    readonly options?: ConnectOptions;
    readonly delaySeconds?: number;
    readonly how?: 'disconnect' | 'dropped' | 'lost' | 'server';
    /** When the will comes after the death, each in ms. */
    readonly comesAfterMs?: readonly number[];
    readonly dup?: boolean;
    /** When the client is back after the death, ms. */
    readonly backAfterMs?: number;
    readonly back?: ConnectOptions;
    readonly cut?: readonly string[];
    readonly limits?: Partial<Limits>;
  }

  /** A client that dies before the eyes of a watcher, and what the watcher sees. */
  function die({
    options,
    delaySeconds = 0,
    how = 'dropped',
    comesAfterMs = [],
    dup = false,
    ...rest
  }: Death) {
    const { backAfterMs, back, cut, limits } = rest;
    const story = new Story(limits);
    const watcher = story.connect('watcher', { server: 'C' });
    story.subscribe(watcher, 'wills/#', 1);
    const record = story.will('wills/1', { delaySeconds });
    const dying = story.connect('dying', { will: record, ...options });
    const heal = cut ? story.fault('cut', cut) : undefined;
    story.wait(100);
    story.close(dying, how);
    const diedAt = story.atMs;
    const steps = comesAfterMs.map((afterMs, index) => ({
      afterMs,
      act: () => story.deliver(watcher, record.message, record.topic, { dup: dup && index > 0 }),
    }));
    if (backAfterMs !== undefined) {
      steps.push({
        afterMs: backAfterMs,
        act: () => void story.connect('dying', { sessionPresent: options?.clean !== true, ...back }),
      });
    }
    for (const { afterMs, act } of steps.sort((a, b) => a.afterMs - b.afterMs)) {
      story.atMs = diedAt + afterMs;
      act();
    }
    heal?.();
    story.wait(60_000);
    return ruleOfWill(story);
  }

  function ruleOfWill(story: Story): { bad: string[]; text: string } {
    const verdict = story.verdict();
    return { bad: violated(verdict), text: ruleOf(verdict, 'will').findings[0]?.text ?? '' };
  }

  test.each(['dropped', 'lost', 'server'] as const)('%s: once', (how) => {
    expect(die({ how, comesAfterMs: [20] }).bad).toEqual([]);
    expect(die({ how }).text).toContain('never came to watcher');
    expect(die({ how }).bad).toEqual(['will']);
  });

  test('twice; a redelivery is not', () => {
    expect(die({ comesAfterMs: [20, 30] }).text).toContain('more than once');
    expect(die({ comesAfterMs: [20, 30] }).bad).toEqual(['will']);
    expect(die({ comesAfterMs: [20, 30], dup: true }).bad).toEqual([]);
  });

  test('after a DISCONNECT [MQTT-3.14.4-3]', () => {
    expect(die({ how: 'disconnect', comesAfterMs: [20] }).text).toContain('had disconnected');
    expect(die({ how: 'disconnect', comesAfterMs: [20] }).bad).toEqual(['will']);
    expect(die({ how: 'disconnect' }).bad).toEqual([]);
    // Its server was cut off, so it may have counted as gone before.
    expect(die({ how: 'disconnect', comesAfterMs: [20], cut: ['A'] }).bad).toEqual([]);
  });

  test('too late, and too early', () => {
    expect(die({ comesAfterMs: [4_900] }).bad).toEqual([]);
    expect(die({ comesAfterMs: [5_100] }).text).toContain('later than');
    const five = { version: 5, expirySeconds: 100 } as const;
    expect(die({ options: five, delaySeconds: 10, comesAfterMs: [14_000] }).bad).toEqual([]);
    expect(die({ options: five, delaySeconds: 10, comesAfterMs: [16_000] }).bad).toEqual(['will']);
    expect(die({ options: five, delaySeconds: 10, comesAfterMs: [3_000] }).text).toContain('before');
  });

  test('a delay ends with the session [MQTT-3.1.3-9]', () => {
    const clean = { version: 5, clean: true } as const;
    expect(die({ options: clean, delaySeconds: 10, comesAfterMs: [20] }).bad).toEqual([]);
    expect(die({ options: clean, delaySeconds: 10, comesAfterMs: [14_000] }).bad).toEqual(['will']);
  });

  test('after the client was back within the delay [MQTT5 3.1.3.2.2]', () => {
    const five = { version: 5, expirySeconds: 100 } as const;
    const back = { version: 5 } as const;
    const death = { options: five, delaySeconds: 10, back, comesAfterMs: [11_000] };
    expect(die({ ...death, backAfterMs: 5_000 }).text).toContain('was back at');
    expect(die({ ...death, backAfterMs: 5_000 }).bad).toEqual(['will']);
    expect(die({ ...death, backAfterMs: 12_000 }).bad).toEqual([]);
    expect(die({ ...death, backAfterMs: 5_000, comesAfterMs: [] }).bad).toEqual([]);
  });

  test('a delayed one fires at the return, or although the client was back just in time', () => {
    const five = { version: 5, expirySeconds: 100 } as const;
    const death = { options: five, delaySeconds: 2, back: { version: 5 } } as const;
    expect(die({ ...death, backAfterMs: 1_500, comesAfterMs: [1_504] }).text).toContain('was back at');
    expect(die({ ...death, backAfterMs: 1_900, comesAfterMs: [2_100] }).bad).toEqual(['will']);
    // The end of its session ends the delay [MQTT5 3.1.3.2.2].
    const clean = { version: 5, clean: true, sessionPresent: false } as const;
    const anew = { ...death, back: clean, backAfterMs: 1_500 };
    expect(die({ ...anew, comesAfterMs: [1_504] }).bad).toEqual([]);
    expect(die({ ...anew, comesAfterMs: [1_000] }).text).toContain('before');
  });

  test('at once where the home lives on, whatever a dead one may take', () => {
    const limits = { willAtOnceMsMax: 1_000 };
    expect(die({ limits, comesAfterMs: [900] }).bad).toEqual([]);
    expect(die({ limits, comesAfterMs: [2_000] }).text).toContain('later than');
    expect(die({ limits, comesAfterMs: [2_000], how: 'lost' }).bad).toEqual([]);
    expect(die({ limits, comesAfterMs: [2_000], cut: ['A'] }).bad).toEqual([]);
    const five = { version: 5, expirySeconds: 100 } as const;
    expect(die({ limits, options: five, delaySeconds: 3, comesAfterMs: [3_900] }).bad).toEqual([]);
    expect(die({ limits, options: five, delaySeconds: 3, comesAfterMs: [4_500] }).bad).toEqual(['will']);
    // Missing is missing, though the client came back long after.
    expect(die({ limits, backAfterMs: 3_000 }).bad).toEqual(['will']);
    expect(die({ limits, backAfterMs: 900 }).bad).toEqual([]);
  });

  test('back at once without a delay: once or not at all', () => {
    expect(die({ backAfterMs: 50 }).bad).toEqual([]);
    expect(die({ backAfterMs: 50, comesAfterMs: [20] }).bad).toEqual([]);
    expect(die({ backAfterMs: 50, comesAfterMs: [20, 30] }).bad).toEqual(['will']);
    expect(die({ backAfterMs: 8_000 }).bad).toEqual(['will']);
  });

  test('never after the client was back elsewhere, on a server that can tell (P6)', () => {
    const back = { server: 'B' } as const;
    const late = { back, backAfterMs: 50, comesAfterMs: [2_000] };
    expect(die({ ...late, comesAfterMs: [500] }).bad).toEqual([]);
    expect(die(late).text).toContain('though its client was back at');
    expect(die(late).bad).toEqual(['will']);
    expect(die({ ...late, cut: ['B'] }).bad).toEqual([]);
    // A clean session may have been accepted without a majority.
    const clean = { ...late, back: { ...back, clean: true, sessionPresent: false }, cut: ['A'] };
    expect(die({ ...clean, limits: { degradedAcks: true } }).bad).toEqual([]);
    expect(die({ ...clean, limits: { degradedAcks: false } }).bad).toEqual(['will']);
  });

  test('late only if others are served in time', () => {
    const tell = (waitMs: number, server: string): string[] => {
      const story = new Story();
      const watcher = story.connect('watcher', { server: 'C' });
      story.subscribe(watcher, 'wills/#', 1);
      const record = story.will('wills/1');
      const dying = story.connect('dying', { will: record });
      const publisher = story.connect('publisher', { server });
      if (server === 'B') story.fault('kill', ['B']);
      story.close(dying);
      const message = story.publish(publisher, 't', { ack: null });
      story.wait(waitMs);
      story.events.push({ type: 'acked', at: story.now(), connection: publisher, message, code: 0 });
      story.wait(7_000 - waitMs);
      story.deliver(watcher, record.message, record.topic);
      story.wait(60_000);
      return violated(story.verdict());
    };
    expect(tell(4_000, 'C')).toEqual([]);
    expect(tell(500, 'C')).toEqual(['will']);
    expect(tell(4_000, 'B')).toEqual(['will']);
  });

  test('of a client that is connected', () => {
    const story = new Story();
    const watcher = story.connect('watcher', { server: 'C' });
    story.subscribe(watcher, 'wills/#', 1);
    const record = story.will('wills/1');
    story.connect('living', { will: record });
    story.deliver(watcher, record.message, record.topic);
    expect(ruleOfWill(story).text).toContain('is connected since');
  });

  test('without a majority it waits for one', () => {
    const tell = (members: readonly string[]): string[] => {
      const story = new Story();
      const watcher = story.connect('watcher', { server: 'C' });
      story.subscribe(watcher, 'wills/#', 1);
      const record = story.will('wills/1');
      const dying = story.connect('dying', { will: record });
      story.wait(5_000);
      const heal = story.fault('kill', members);
      story.close(dying, 'lost');
      story.wait(20_000);
      if (members.includes('C')) story.close(watcher, 'lost');
      heal();
      if (!members.includes('C')) story.deliver(watcher, record.message, record.topic);
      else story.deliver(story.connect('watcher', { sessionPresent: true }), record.message, record.topic);
      story.wait(60_000);
      return violated(story.verdict());
    };
    expect(tell(['A', 'B'])).toEqual([]);
    expect(tell(['A'])).toEqual(['will']);
  });

  test('nobody watched: not judged', () => {
    const story = new Story();
    story.close(story.connect('dying', { will: story.will('wills/1') }));
    story.wait(60_000);
    expect(ruleOf(story.verdict(), 'will')).toMatchObject({ checked: 0, violations: 0 });
  });
});
