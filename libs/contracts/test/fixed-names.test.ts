import { readFileSync } from 'node:fs';
import {
  adminAnswerTopic,
  adminTopicPrefix,
  bridgeTopicPrefix,
  bridgeTopics,
  defaultSettings,
  groupStateTopic,
  membersTopic,
  telemetryTopic,
} from '../src/index.ts';

const names = {
  topics: [
    bridgeTopicPrefix,
    ...Object.values(bridgeTopics),
    adminTopicPrefix,
    adminAnswerTopic('MEMBER'),
    membersTopic,
    telemetryTopic('GROUP', 'SIGNAL', 1),
    groupStateTopic('GROUP'),
  ],
  'cluster settings': Object.keys(defaultSettings).sort(),
};

// New names may be added to fixed-names.json. A name in the file must not change, because members, clients
// and operators depend on it.
const fixed = JSON.parse(readFileSync(new URL('fixed-names.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, unknown>
>;

test.each(Object.entries(names))('the %s equal those in fixed-names.json', (kind, current) => {
  expect(current).toEqual(fixed[kind]);
});
