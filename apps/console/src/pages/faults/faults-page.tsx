import { useState } from 'preact/hooks';
import { usePolled } from '../../api/polled.ts';
import { describe } from '../../api/problem.ts';
import { announce } from '../../app/announce.ts';
import { members, refreshOverview } from '../../app/overview.ts';
import { getLabState, injectFault } from '../../lab/requests.ts';
import type { LabFault, LabMember, LabState } from '../../lab/shapes.ts';
import { TextField } from '../../parts/field.tsx';
import { PageHead, Section } from '../../parts/page-head.tsx';
import { Empty, WithData } from '../../parts/states.tsx';
import { clock, plural } from '../../text/format.ts';
import { explain, faultProblem, faultText } from './fault-command.ts';
import { GapChart } from './gap-view.tsx';
import { TrafficTable } from './traffic-table.tsx';

const everyMs = 1_000;
const historyShown = 8;

/** Served only by the lab: what each level of QoS means when a member dies. */
export function FaultsPage() {
  const polled = usePolled(getLabState, everyMs, 'lab');
  return (
    <>
      <PageHead
        title="Faults"
        lead="Choose members and inject a fault. The lab runs publishers and subscribers meanwhile, and counts what each level of QoS promises."
      />
      <WithData polled={polled} what="the lab">
        {(state) => (
          <>
            <Faults state={state} refresh={polled.refresh} />
            {state.traffic.length === 0 ? <NoLoad /> : <Load state={state} />}
            <Section title="Last faults">
              <History state={state} />
            </Section>
          </>
        )}
      </WithData>
    </>
  );
}

/** A lab of `lab up` has members only. */
function NoLoad() {
  return (
    <Section title="Messages">
      <Empty title="This lab runs without publishers and subscribers.">
        Faults work, but no messages are counted. <code>npm start</code> starts a lab with a load.
      </Empty>
    </Section>
  );
}

function Load({ state }: { state: LabState }) {
  return (
    <>
      <Section title="Messages since the start" note="each message goes to two subscribers">
        <TrafficTable traffic={state.traffic} />
      </Section>
      <Section title="Gaps of the clients" note="the last two minutes">
        <GapChart state={state} />
      </Section>
    </>
  );
}

function Faults({ state, refresh }: { state: LabState; refresh: () => void }) {
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [value, setValue] = useState('');
  const [busy, setBusy] = useState('');
  const toggle = (id: string): void =>
    setChosen((now) => (now.includes(id) ? now.filter((other) => other !== id) : [...now, id]));
  const inject = async (fault: LabFault): Promise<void> => {
    const problem = faultProblem(fault, chosen, value);
    if (problem !== null) return announce(`${fault.action}: ${problem}`, 'failed');
    const text = faultText(fault, chosen, value);
    setBusy(fault.action);
    try {
      await injectFault(text);
      announce(`${text}: done`);
    } catch (error) {
      announce(`${text}: ${describe(error)}`, 'failed');
    } finally {
      setBusy('');
      refresh();
      refreshOverview();
    }
  };
  return (
    <div class="faults">
      <fieldset class="lab-members">
        <legend class="visually-hidden">Members</legend>
        {state.members.map((member) => (
          <MemberCard
            key={member.id}
            member={member}
            isChosen={chosen.includes(member.id)}
            toggle={() => toggle(member.id)}
          />
        ))}
      </fieldset>
      <div class="fault-buttons" role="group" aria-label="Faults">
        {state.faults.map((fault) => (
          <button
            key={fault.action}
            type="button"
            class={fault.action === 'kill' ? 'button button-main' : 'button'}
            title={explain(fault.action)}
            disabled={busy !== ''}
            onClick={() => void inject(fault)}
          >
            {busy === fault.action ? `${fault.action}…` : fault.action}
          </button>
        ))}
      </div>
      <div class="fault-value">
        <TextField
          label="Value"
          isMono
          value={value}
          onChange={setValue}
          hint={`For ${state.faults.flatMap(({ action, value: form }) => (form === null ? [] : [`${action} (${form.example})`])).join(', ')}.`}
        />
      </div>
    </div>
  );
}

const processKinds: Readonly<Record<LabMember['process'], string>> = {
  running: 'good',
  paused: 'busy',
  stopped: 'off',
  ended: 'bad',
};

function MemberCard({
  member,
  isChosen,
  toggle,
}: {
  member: LabMember;
  isChosen: boolean;
  toggle: () => void;
}) {
  const { id, process, link, faults } = member;
  const seen = members.value.find((item) => item.id === id);
  const remarks = [link === 'ok' ? '' : `link: ${link}`, faults].filter(Boolean).join(', ');
  return (
    <label class={isChosen ? 'lab-member lab-member-chosen' : 'lab-member'}>
      <span class="lab-member-head">
        <input type="checkbox" checked={isChosen} onChange={toggle} /> <b>{id}</b>
        {seen?.reachable && seen.role === 'leader' && <span class="tag">leader</span>}
      </span>
      <span class={`mark mark-${processKinds[process]}`}>{process}</span>
      <span class="quiet small">
        {remarks ||
          (seen === undefined || !seen.reachable
            ? ' '
            : `${seen.state}, ${plural(seen.clients ?? 0, 'client')}`)}
      </span>
    </label>
  );
}

function History({ state }: { state: LabState }) {
  const shown = [...state.history].reverse().slice(0, historyShown);
  if (shown.length === 0) return <p class="quiet">No fault was injected yet.</p>;
  return (
    <ol class="fault-history">
      {shown.map(({ atMs, text, error }) => (
        <li key={`${atMs} ${text}`}>
          <time class="quiet">{clock(atMs)}</time> <span class="mono">{text}</span>
          {error !== undefined && <span class="field-error"> {error}</span>}
        </li>
      ))}
    </ol>
  );
}
