import type { Member } from '../../api/types.ts';
import { href } from '../../app/router.ts';
import { StateMark, Tag } from '../../parts/marks.tsx';
import { Table } from '../../parts/table.tsx';
import type { Column } from '../../parts/table.tsx';
import { absent, bytes, count, milliseconds, rate } from '../../text/format.ts';

const sum = (values: readonly number[] | undefined): number | null =>
  values === undefined ? null : values.reduce((total, value) => total + value, 0);

/** A column that says the same of every member, or nothing, is left out, so that the others fit on a screen. */
function columns(members: readonly Member[], asked: string): readonly Column<Member>[] {
  const versions = new Set(members.flatMap(({ version }) => version ?? []));
  const all: readonly (Column<Member> & { readonly isNeeded?: boolean })[] = [
    {
      key: 'id',
      head: 'Member',
      cell: ({ id, address }) => (
        <span title={address}>
          {id} {id === asked && <Tag text="asked" />}
        </span>
      ),
    },
    { key: 'state', head: 'State', cell: (member) => <StateMark member={member} /> },
    { key: 'role', head: 'Role', cell: ({ role }) => <RoleName role={role} /> },
    { key: 'lag', head: 'Lag', isNumber: true, cell: ({ lag }) => count(lag) },
    {
      key: 'clients',
      head: 'Clients',
      isNumber: true,
      cell: ({ id, clients }) => <a href={href(['clients'], { member: id })}>{count(clients)}</a>,
    },
    {
      key: 'in',
      head: 'Received/s',
      isNumber: true,
      cell: ({ rates }) => rate(sum(rates?.receivedPerSecond)),
    },
    {
      key: 'out',
      head: 'Delivered/s',
      isNumber: true,
      cell: ({ rates }) => rate(sum(rates?.deliveredPerSecond)),
    },
    { key: 'ack', head: 'Ack p99', isNumber: true, cell: ({ rates }) => milliseconds(rates?.ackMsP99) },
    {
      key: 'load',
      head: 'Load',
      isNumber: true,
      cell: ({ load }) => (load === null ? absent : `${Math.round(load * 100)} %`),
    },
    { key: 'memory', head: 'Memory', isNumber: true, cell: ({ memoryBytes }) => bytes(memoryBytes) },
    {
      key: 'version',
      head: 'Version',
      isNeeded: versions.size > 1,
      cell: ({ version }) => version ?? absent,
    },
    {
      key: 'reason',
      head: 'Remark',
      isText: true,
      isNeeded: members.some((member) => remark(member) !== ''),
      cell: remark,
    },
  ];
  return all.filter(({ isNeeded }) => isNeeded !== false);
}

function remark({ reason, unreachableReason }: Member): string {
  return unreachableReason ?? reason;
}

function RoleName({ role }: { role: Member['role'] }) {
  if (role === null || role === 'none') return <>{absent}</>;
  return role === 'leader' ? <b>leader</b> : <>{role}</>;
}

export function MemberTable({ members, asked }: { members: readonly Member[]; asked: string }) {
  return (
    <Table
      caption="Members"
      columns={columns(members, asked)}
      rows={members}
      rowKey={({ id }) => id}
      rowClass={({ reachable }) => (reachable ? undefined : 'row-off')}
    />
  );
}
