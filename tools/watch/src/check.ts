import { join } from 'node:path';
import { countMismatches, measureCounts } from './check-counts.ts';
import { checkFailover } from './check-failover.ts';
import { MonitoredLab } from './monitored-lab.ts';
import type { MonitoredLabOptions } from './monitored-lab.ts';

/** The scrape interval. The gap in Prometheus may differ from the gap of the application by at most this interval. */
const scrapeMs = 1_000;

/**
 * Runs two labs, one after the other. In the first lab it kills a member; in the second lab it compares counts.
 * @returns one line for each disagreement between Prometheus and the lab
 */
export async function check(
  options: MonitoredLabOptions,
  loadMs: number,
  print: (text: string) => void,
): Promise<string[]> {
  const problems: string[] = [];
  await withLab({ ...options, folder: join(options.folder, 'failover') }, print, async (lab) => {
    const { gapMs } = await checkFailover(lab, print);
    const apart = Math.abs(gapMs.application - gapMs.prometheus);
    if (apart > scrapeMs)
      problems.push(`the two gaps differ by ${apart.toFixed(0)} ms, more than one scrape interval`);
  });
  await withLab(
    { ...options, folder: join(options.folder, 'counts'), publisherRate: 0 },
    print,
    async (lab) => {
      print(`the lab's verifying load runs for ${loadMs / 1_000} s`);
      const findings = await measureCounts(lab, loadMs);
      for (const { what, lab: counted, prometheus } of findings.pairs) {
        print(`${what}: the lab counts ${counted}, Prometheus ${prometheus}`);
      }
      const { sent, acked, delivered } = findings.verdict;
      print(
        `verdict ${findings.verdict.ok ? 'ok' : 'not ok'}: ${JSON.stringify({ sent, acked, delivered })}`,
      );
      if (findings.reconnects > 0) {
        print(
          `${findings.reconnects} connections broke: members may count more packets than the clients received`,
        );
      }
      problems.push(...countMismatches(findings));
    },
  );
  return problems;
}

async function withLab(
  options: MonitoredLabOptions,
  print: (text: string) => void,
  act: (lab: MonitoredLab) => Promise<void>,
): Promise<void> {
  print(`starting ${options.members} members and Prometheus in ${options.folder}`);
  const lab = new MonitoredLab(options);
  await lab.start();
  try {
    await act(lab);
  } finally {
    await lab.stop(false);
  }
}
