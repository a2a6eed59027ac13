import { renderVerdict } from '../src/index.ts';
import { Story } from './history-builder.ts';

function lines(story: Story, crashes: readonly string[] = []): string[] {
  return renderVerdict(story.verdict(crashes)).split('\n');
}

test('a line a rule; what looked at nothing says so', () => {
  const story = new Story();
  const subscriber = story.connect('subscriber');
  story.subscribe(subscriber, 't');
  story.publish(subscriber, 't');
  const table = lines(story);
  expect(table[0]).toMatch(/^rule +promise +checked +violations +first finding$/);
  expect(table.find((line) => line.startsWith('acked-but-lost'))).toMatch(
    /P1, P2 +1 +1 +subscriber never got/,
  );
  expect(table.find((line) => line.startsWith('qos2-duplicate'))).toMatch(/P2 +- +- +not exercised$/);
  expect(table.at(-1)).toMatch(/^NOT OK: acked-but-lost, \d+ of \d+ rules not exercised$/);
});

test('ok, and what was excused', () => {
  const story = new Story({ degradedAcks: true });
  const subscriber = story.connect('subscriber', { server: 'B' });
  story.subscribe(subscriber, 't');
  const publisher = story.connect('publisher');
  const heal = story.fault('cut', ['A']);
  story.publish(publisher, 't');
  story.fault('wipe', ['A'])();
  heal();
  const table = lines(story);
  expect(table.at(-2)).toMatch(/^acked-but-lost: 1 excused: degraded loss \(the disk of A was wiped\)/);
  expect(table.at(-1)).toMatch(/^ok, \d+ of \d+ rules not exercised$/);
});

test('how strict the judge was', () => {
  const takeOver = (waitMs: number, lingerMs: number): string | undefined => {
    const story = new Story();
    const older = story.connect('twice', { server: 'A' });
    const publisher = story.connect('publisher', { server: 'C' });
    const message = story.publish(publisher, 't', { ack: null });
    story.connect('twice', { server: 'B', sessionPresent: true });
    story.wait(Math.min(waitMs, lingerMs));
    story.events.push({ type: 'acked', at: story.now(), connection: publisher, message, code: 0 });
    story.wait(Math.max(0, lingerMs - waitMs));
    story.close(older, 'server');
    return lines(story).find((line) => line.startsWith('two-connections: '));
  };
  expect(takeOver(10, 500)).toBe(
    'two-connections: 1 times judged by their bounds, no starved-machine lag allowance',
  );
  expect(takeOver(1_500, 1_600)).toBe(
    'two-connections: 1 times judged, 1 with a starved-machine lag allowance (1.5 s at most); 1 needed it',
  );
});

test('lines are cut to the terminal', () => {
  const verdict = new Story().verdict(['x'.repeat(300)]);
  const table = renderVerdict(verdict, 80).split('\n');
  expect(Math.max(...table.map((line) => line.length))).toBe(80);
  expect(table.find((line) => line.startsWith('crash'))?.endsWith('...')).toBe(true);
});
