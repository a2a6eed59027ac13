import { join } from 'node:path';
import { checkCounts, differences } from './check-counts.ts';
import { checkFailover } from './check-failover.ts';
import { LiveLab } from './monitored-lab.ts';
import type { LiveLabOptions } from './monitored-lab.ts';

/** What one scrape may hide. */
const scrapeMs = 1_000;

/**
 * Two labs, one after the other: one with a kill in it, one that is counted. @returns what does not agree, one line each.
 */
export async function check(
  options: LiveLabOptions,
  loadMs: number,
  say: (text: string) => void,
): Promise<string[]> {
  const problems: string[] = [];
  await withLab({ ...options, folder: join(options.folder, 'failover') }, say, async (lab) => {
    const { gapMs } = await checkFailover(lab, say);
    const apart = Math.abs(gapMs.application - gapMs.prometheus);
    if (apart > scrapeMs) problems.push(`the gaps are ${apart.toFixed(0)} ms apart, more than one scrape`);
  });
  await withLab(
    { ...options, folder: join(options.folder, 'counts'), publisherRate: 0 },
    say,
    async (lab) => {
      say(`the lab's verifying load runs for ${loadMs / 1_000} s`);
      const findings = await checkCounts(lab, loadMs);
      for (const { what, lab: counted, prometheus } of findings.pairs) {
        say(`${what}: the lab counts ${counted}, Prometheus ${prometheus}`);
      }
      const { sent, acked, delivered } = findings.verdict;
      say(`verdict ${findings.verdict.ok ? 'ok' : 'not ok'}: ${JSON.stringify({ sent, acked, delivered })}`);
      if (findings.reconnects > 0) {
        say(
          `${findings.reconnects} connections broke meanwhile: members may have sent more than was received`,
        );
      }
      problems.push(...differences(findings));
    },
  );
  return problems;
}

async function withLab(
  options: LiveLabOptions,
  say: (text: string) => void,
  act: (lab: LiveLab) => Promise<void>,
): Promise<void> {
  say(`starting ${options.members} members and Prometheus in ${options.folder}`);
  const lab = new LiveLab(options);
  await lab.start();
  try {
    await act(lab);
  } finally {
    await lab.stop(false);
  }
}
