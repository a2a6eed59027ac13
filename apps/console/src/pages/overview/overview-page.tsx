import {
  history,
  historyVersion,
  overview,
  overviewAtMs,
  overviewError,
  refreshOverview,
} from '../../app/overview.ts';
import { totals } from '../../app/rate-history.ts';
import { Chart } from '../../parts/chart.tsx';
import { PageHead, Section } from '../../parts/page-head.tsx';
import { Failed, Loading } from '../../parts/states.tsx';
import type { Overview } from '../../api/types.ts';
import { bytes, clock, count, milliseconds, plural, rate } from '../../text/format.ts';
import { MemberTable } from './member-table.tsx';
import { Problems } from './problems.tsx';

export function OverviewPage() {
  const answer = overview.value;
  return (
    <>
      <PageHead
        title="Overview"
        lead={answer === null ? undefined : <Lead answer={answer} atMs={overviewAtMs.value} />}
      />
      {answer === null ? (
        overviewError.value === null ? (
          <Loading what="the members" />
        ) : (
          <Failed message={overviewError.value.message} retry={refreshOverview} />
        )
      ) : (
        <>
          <Problems problems={answer.problems} />
          <Figures answer={answer} />
          <Charts />
          <Section title="Members" note={`${plural(answer.members.length, 'member')}`}>
            <MemberTable members={answer.members} asked={answer.member} />
          </Section>
        </>
      )}
    </>
  );
}

function Lead({ answer, atMs }: { answer: Overview; atMs: number | null }) {
  return (
    <>
      As <b>{answer.member}</b> sees it, version {answer.version}
      {atMs !== null && <> · updated at {clock(atMs)}</>}
    </>
  );
}

/** The sums over all members that answered. */
function Figures({ answer }: { answer: Overview }) {
  const sums = totals(answer.members);
  const add = (pick: (member: Overview['members'][number]) => number | null | undefined): number =>
    answer.members.reduce((sum, member) => sum + (pick(member) ?? 0), 0);
  const total = (rates: readonly number[] | null): number | null =>
    rates === null ? null : rates.reduce((sum, value) => sum + value, 0);
  const serving = answer.members.filter(({ reachable, state }) => reachable && state === 'serving').length;
  // Every member holds all sessions, so the sessions of the cluster are those of the member with the most.
  const sessions = answer.members.reduce((most, member) => Math.max(most, member.sessions ?? 0), 0);
  const items = [
    ['Serving', `${serving} of ${answer.members.length}`],
    ['Clients', count(add(({ clients }) => clients))],
    ['Sessions', count(sessions)],
    ['Received', `${rate(total(sums.received))}/s`],
    ['Delivered', `${rate(total(sums.delivered))}/s`],
    ['Dropped', `${rate(sums.dropped)}/s`],
    ['Ack p99', milliseconds(sums.ackMsP99)],
    ['Memory', bytes(add(({ memoryBytes }) => memoryBytes) || null)],
  ] as const;
  return (
    <dl class="figures" aria-label="The cluster now">
      {items.map(([term, value]) => (
        <div
          key={term}
          class={term === 'Dropped' && (sums.dropped ?? 0) > 0 ? 'figure figure-warning' : 'figure'}
        >
          <dt>{term}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts() {
  // A new sample changes the history in place.
  void historyVersion.value;
  const { times } = history.value;
  const qos = (pick: 'received' | 'delivered') =>
    ([0, 1, 2] as const).map((level) => ({
      label: `QoS ${level}`,
      style: (['faint', 'accent', 'ink'] as const)[level],
      values: history.value.series((sample) => sample[pick]?.[level]),
    }));
  return (
    <div class="charts">
      <Chart title="Received" unit="messages a second" times={times} lines={qos('received')} format={rate} />
      <Chart
        title="Delivered"
        unit="messages a second"
        times={times}
        lines={qos('delivered')}
        format={rate}
      />
      <Chart
        title="Acknowledgements"
        unit="latency of the slowest member"
        times={times}
        lines={[
          { label: 'p50', style: 'accent', values: history.value.series((sample) => sample.ackMsP50) },
          { label: 'p99', style: 'ink', values: history.value.series((sample) => sample.ackMsP99) },
        ]}
        format={milliseconds}
      />
      <Chart
        title="Dropped"
        unit="messages a second"
        times={times}
        lines={[
          { label: 'all reasons', style: 'accent', values: history.value.series((sample) => sample.dropped) },
        ]}
        format={rate}
      />
    </div>
  );
}
