import { readFileSync } from 'node:fs';
import { silentLogger } from '@mqtt-cluster/contracts';
import type { ClientPort, Message } from '@mqtt-cluster/contracts';
import { newCounters } from '../src/counters.ts';
import { SystemTopics } from '../src/system-topics.ts';

function systemTopics(): string[] {
  const published = new Set<string>();
  const publishLocal = ({ topic }: Message): void => void published.add(topic);
  const port = { publishLocal } as unknown as ClientPort;
  let nowMs = 0;
  const options = {
    memberId: 'a',
    port,
    listeners: [],
    logger: silentLogger,
    version: '1',
    members: () => '[]',
  };
  const topics = new SystemTopics(options, () => nowMs);
  for (nowMs = 0; nowMs <= 10_000; nowMs += 10_000) topics.publish(newCounters(), 1);
  return [...published].sort();
}

const names = { '$SYS topics': systemTopics() };

// New names may be added to fixed-names.json. A name in the file must not change or be removed, because
// clients and monitoring use it.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))('the %s equal those in fixed-names.json', (kind, current) => {
  expect(current).toEqual(fixed[kind]);
});
