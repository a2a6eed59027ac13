import { renderVerdict } from '../src/index.ts';
import { HistoryBuilder } from './history-builder.ts';

function lines(history: HistoryBuilder, crashes: readonly string[] = []): string[] {
  return renderVerdict(history.verdict(crashes)).split('\n');
}

test('renderVerdict shows one line for each rule, and marks a rule that checked nothing as not exercised', () => {
  const history = new HistoryBuilder();
  const subscriber = history.connect('subscriber');
  history.subscribe(subscriber, 't');
  history.publish(subscriber, 't');
  const table = lines(history);
  expect(table[0]).toMatch(/^rule +promise +checked +violations +first finding$/);
  expect(table.find((line) => line.startsWith('acked-but-lost'))).toMatch(
    /P1, P2 +1 +1 +subscriber never received/,
  );
  expect(table.find((line) => line.startsWith('qos2-duplicate'))).toMatch(/P2 +- +- +not exercised$/);
  expect(table.at(-1)).toMatch(/^NOT OK: acked-but-lost, \d+ of \d+ rules not exercised$/);
});

test('renderVerdict shows the number of exceptions and the first exception', () => {
  const history = new HistoryBuilder({ degradedAcks: true });
  const subscriber = history.connect('subscriber', { server: 'B' });
  history.subscribe(subscriber, 't');
  const publisher = history.connect('publisher');
  const heal = history.fault('cut', ['A']);
  history.publish(publisher, 't');
  history.fault('wipe', ['A'])();
  heal();
  const table = lines(history);
  expect(table.at(-2)).toMatch(/^acked-but-lost: 1 exception: degraded loss \(the disk of A was wiped\)/);
  expect(table.at(-1)).toMatch(/^ok, \d+ of \d+ rules not exercised$/);
});

test('renderVerdict shows how many durations met their time bound only because the bound was extended', () => {
  const takeOver = (waitMs: number, lingerMs: number): string | undefined => {
    const history = new HistoryBuilder();
    const older = history.connect('twice', { server: 'A' });
    const publisher = history.connect('publisher', { server: 'C' });
    const message = history.publish(publisher, 't', { ack: null });
    history.connect('twice', { server: 'B', sessionPresent: true });
    history.wait(Math.min(waitMs, lingerMs));
    history.events.push({ type: 'acked', at: history.now(), connection: publisher, message, code: 0 });
    history.wait(Math.max(0, lingerMs - waitMs));
    history.close(older, 'server');
    return lines(history).find((line) => line.startsWith('two-connections: '));
  };
  expect(takeOver(10, 500)).toBe('two-connections: 1 duration checked, no bound extended for a busy machine');
  expect(takeOver(1_500, 1_600)).toBe(
    'two-connections: 1 duration checked, 1 with a bound extended for a busy machine (by 1.5 s at most), 1 in time only because of the extension',
  );
});

test('renderVerdict cuts lines to the width of the terminal', () => {
  const verdict = new HistoryBuilder().verdict(['x'.repeat(300)]);
  const table = renderVerdict(verdict, 80).split('\n');
  expect(Math.max(...table.map((line) => line.length))).toBe(80);
  expect(table.find((line) => line.startsWith('crash'))?.endsWith('...')).toBe(true);
});
