import { runGenerator } from '../generator/child.ts';
import type { Row } from './row.ts';
import { withRunning } from './with-running.ts';

const subscribers = 1_000;
const rate = 50;
const warmUpSeconds = 3;
const undeliveredMax = 500;

/** One publisher whose messages go to many subscribers. */
export const fanOutRow: Row = {
  name: 'fan-out',
  title: '1 publisher to 1,000 subscribers, QoS 1, 50 messages a second, time to arrival; --seconds N',
  figures: [
    { name: 'p50', unit: 'ms', isLessBetter: true },
    { name: 'p99', unit: 'ms', isLessBetter: true },
  ],
  measure: (context) =>
    withRunning(context, async ({ endpoints }) => {
      const { seconds, size: payloadBytes } = context.given;
      const load = { publishers: 1, subscribers, payloadBytes, rate, window: 100, undeliveredMax };
      const plan = { endpoints, qos: 1, clean: true, warmUpSeconds, seconds, label: 'fan-out' } as const;
      const { endToEnd, lost } = await runGenerator(context.processes, { ...plan, ...load });
      if (lost > 0) throw new Error(`${lost} messages were lost`);
      return [endToEnd.p50 ?? NaN, endToEnd.p99 ?? NaN];
    }),
};
