import type { Link } from '../../api/types.ts';
import { Facts, Section } from '../../parts/page-head.tsx';
import { Table } from '../../parts/table.tsx';
import { absent, count, names } from '../../text/format.ts';
import { kindName, ruleTopics } from './link-text.ts';

/** One link: its rules, which members may run it, and what it dropped. */
export function LinkDetail({ link }: { link: Link }) {
  const { name, definition, address, dropped, members } = link;
  const sorted = members.toSorted((one, other) => one.member.localeCompare(other.member));
  const able = sorted.filter(({ mayRun }) => mayRun).map(({ member }) => member);
  const unable = sorted.filter(({ mayRun }) => !mayRun);
  const rate = definition?.ratePerSecondMax;
  const aside = definition?.keptAside;
  const reasons = Object.entries(dropped).filter(([, messages]) => messages > 0);
  return (
    <Section title={name} isCode note="Counters begin anew with each member that runs the link.">
      <Facts
        items={[
          ['Kind', kindName(definition)],
          ['Connected to', <span class="mono">{address ?? absent}</span>],
          ['Addresses', <span class="mono">{definition?.addresses.join(', ') ?? absent}</span>],
          ...(rate === undefined ? [] : [['Messages a second at most', count(rate)] as const]),
          ['Reconnects', count(link.reconnects)],
          ['Possible duplicates', count(link.possibleDuplicates)],
          [
            'Dropped',
            reasons.length === 0
              ? 'none'
              : reasons.map(([reason, messages]) => `${count(messages)} ${reason}`).join(', '),
          ],
          ...(aside === undefined
            ? []
            : [
                [
                  'Kept aside',
                  <span>
                    {count(link.keptAside)} below <span class="mono">{aside}</span>
                  </span>,
                ] as const,
              ]),
          ['May run it', names(able) || 'no member'],
          ...unable.map(
            ({ member, reason }) => [`${member} may not run it`, reason ?? 'no reason given'] as const,
          ),
        ]}
      />
      {definition !== null && (
        <div class="with-gap-above">
          <Table
            caption={`Rules of ${name}`}
            rows={definition.rules}
            rowKey={(rule) => JSON.stringify(rule)}
            columns={[
              { key: 'direction', head: 'Direction', cell: ({ direction }) => direction },
              {
                key: 'from',
                head: 'From',
                isText: true,
                cell: (rule) => <span class="mono">{ruleTopics(rule)[0]}</span>,
              },
              {
                key: 'to',
                head: 'To',
                isText: true,
                cell: (rule) => <span class="mono">{ruleTopics(rule)[1]}</span>,
              },
              { key: 'qos', head: 'QoS at most', isNumber: true, cell: ({ qosMax }) => qosMax },
              {
                key: 'retained',
                head: 'Retained',
                cell: ({ retained }) => (retained === 'live' ? 'kept' : 'not kept'),
              },
            ]}
          />
        </div>
      )}
    </Section>
  );
}
