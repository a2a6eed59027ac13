import { drain, removeMember, transferLeadership, undrain } from '../../api/requests.ts';
import type { Member } from '../../api/types.ts';
import { includesRole, role } from '../../api/authorization.ts';
import { announce } from '../../app/announce.ts';
import { refreshOverview } from '../../app/overview.ts';
import { confirm } from '../../parts/confirm.tsx';
import { StateMark } from '../../parts/marks.tsx';
import { Table } from '../../parts/table.tsx';
import { count, plural } from '../../text/format.ts';
import { askWithEffect } from './effect.tsx';

/** The members with what can be done to each of them. */
export function MemberActions({ members }: { members: readonly Member[] }) {
  const mayOperate = includesRole(role.value, 'operator');
  const mayRemove = includesRole(role.value, 'admin');
  return (
    <Table
      caption="Members and what can be done to them"
      rows={members}
      rowKey={({ id }) => id}
      columns={[
        { key: 'id', head: 'Member', cell: ({ id }) => id },
        { key: 'state', head: 'State', cell: (member) => <StateMark member={member} /> },
        {
          key: 'role',
          head: 'Role',
          cell: (member) => (member.role === 'leader' ? <b>leader</b> : member.role),
        },
        { key: 'address', head: 'Address', cell: ({ address }) => <span class="mono">{address}</span> },
        { key: 'clients', head: 'Clients', isNumber: true, cell: ({ clients }) => count(clients) },
        ...(mayOperate
          ? [
              {
                key: 'acts',
                head: 'Change',
                cell: (member: Member) => <Acts member={member} mayRemove={mayRemove} />,
              },
            ]
          : []),
      ]}
    />
  );
}

function Acts({ member, mayRemove }: { member: Member; mayRemove: boolean }) {
  const { id, state, reachable } = member;
  return (
    <span class="row-acts">
      {state === 'draining' ? (
        <button
          type="button"
          class="link-button"
          aria-label={`End drain of ${id}`}
          onClick={() => askToUndrain(id)}
        >
          End drain
        </button>
      ) : (
        reachable && (
          <button type="button" class="link-button" aria-label={`Drain ${id}`} onClick={() => askToDrain(id)}>
            Drain
          </button>
        )
      )}
      {reachable && member.role === 'follower' && (
        <button
          type="button"
          class="link-button"
          aria-label={`Make leader: ${id}`}
          onClick={() => askToTransfer(member)}
        >
          Make leader
        </button>
      )}
      {mayRemove && (
        <button
          type="button"
          class="link-button link-danger"
          aria-label={`Remove ${id}`}
          onClick={() => askToRemove(member)}
        >
          Remove
        </button>
      )}
    </span>
  );
}

function done(text: string): void {
  announce(text);
  refreshOverview();
}

function askToDrain(id: string): void {
  askWithEffect(id, 'drain', {
    title: `Drain ${id}?`,
    note: `${id} rejects new clients and moves its clients to the other members. Its process goes on, and you can end the drain here.`,
    action: 'Drain',
    run: async () => {
      await drain(id);
      done(`${id} drains.`);
    },
  });
}

function askToUndrain(id: string): void {
  confirm({
    title: `End the drain of ${id}?`,
    body: <p>{id} accepts clients again. Clients that have moved stay where they are.</p>,
    action: 'End drain',
    run: async () => {
      await undrain(id);
      done(`${id} accepts clients again.`);
    },
  });
}

function askToTransfer({ id, lag }: Member): void {
  confirm({
    title: `Make ${id} the leader?`,
    body: (
      <>
        <p>
          Leadership moves to {id} as soon as it has the whole log. Clients stay connected. Acknowledgements
          pause for a moment.
        </p>
        {lag !== null && lag > 0 && (
          <p>
            {id} lacks {plural(lag, 'entry', 'entries')} now.
          </p>
        )}
      </>
    ),
    action: 'Transfer',
    run: async () => {
      await transferLeadership(id);
      done(`Leadership moves to ${id}.`);
    },
  });
}

function askToRemove({ id, reachable }: Member): void {
  askWithEffect(id, 'remove', {
    title: `Remove ${id}?`,
    note: `${id} leaves the cluster. The cluster refuses this until ${id} has drained. Its host keeps its disk.`,
    action: 'Remove',
    isDangerous: true,
    force: reachable
      ? null
      : `${id} does not answer, so its outbox is unknown. With "anyway", messages that only its disk holds may be lost.`,
    run: async (isForced) => {
      await removeMember(id, isForced);
      done(`${id} was removed.`);
    },
  });
}
