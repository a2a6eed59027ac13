import { feederName, seriesName, witnessed } from './protocol.ts';
import type { Tally } from './protocol.ts';

/** Messages of one client in one round. */
export interface Losses {
  /** Messages that its publisher published and that no subscriber received. */
  readonly publishedLost: number;
  /** Messages of its publisher that a subscriber received more than once. */
  readonly publishedTwice: number;
  /** Acknowledged QoS 1 messages of another publisher that its subscriber did not receive. */
  readonly qos1Lost: number;
  readonly qos1Twice: number;
  readonly qos0Lost: number;
}

/** Returns the messages that each client has lost or received more than once. */
export function lossesOf({ sent, received }: Tally): Record<string, Losses> {
  const listOf = (series: string): readonly number[] => received[series] ?? [];
  const fed = sent[feederName] ?? 0;
  const even = Array.from({ length: Math.ceil(fed / 2) }, (_, index) => 2 * index);
  const acknowledged = listOf(seriesName(feederName, 'publisher'));
  const names = Object.keys(sent).filter((name) => name !== feederName);
  return Object.fromEntries(
    names.map((name) => {
      const published = Array.from({ length: sent[name] ?? 0 }, (_, number) => number);
      const arrived = listOf(witnessed(name));
      const qos1 = listOf(seriesName(name, 'subscriber QoS 1'));
      const qos0 = listOf(seriesName(name, 'subscriber QoS 0'));
      return [
        name,
        {
          publishedLost: missingIn(arrived, published),
          publishedTwice: repeatedIn(arrived),
          qos1Lost: missingIn(qos1, acknowledged),
          qos1Twice: repeatedIn(qos1),
          qos0Lost: missingIn(qos0, even),
        },
      ];
    }),
  );
}

function missingIn(list: readonly number[], due: readonly number[]): number {
  const present = new Set(list);
  return due.filter((number) => !present.has(number)).length;
}

function repeatedIn(list: readonly number[]): number {
  return list.length - new Set(list).size;
}
