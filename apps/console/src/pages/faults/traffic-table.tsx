import type { LabTraffic } from '../../lab/shapes.ts';
import { Table } from '../../parts/table.tsx';
import type { Column } from '../../parts/table.tsx';
import { absent, count, rate } from '../../text/format.ts';

const promises = ['at most once', 'at least once', 'exactly once'] as const;

/** One count of all levels: a row of the table. */
interface Row {
  readonly name: string;
  readonly value: (traffic: LabTraffic) => number | null;
  readonly format: (value: number | null) => string;
  /** The levels that promise that this count is 0. */
  readonly promisedZero?: readonly number[];
}

const rows: readonly Row[] = [
  { name: 'Sent', value: ({ sent }) => sent, format: count },
  { name: 'Acknowledged', value: ({ acknowledged }) => acknowledged, format: count },
  { name: 'Delivered', value: ({ delivered }) => delivered, format: count },
  { name: 'Lost', value: ({ lost }) => lost, format: count, promisedZero: [1, 2] },
  { name: 'Duplicated', value: ({ duplicated }) => duplicated, format: count, promisedZero: [0, 2] },
  { name: 'Delivered/s', value: ({ deliveredPerSecond }) => deliveredPerSecond, format: rate },
];

/** The levels of QoS side by side. A count that is not 0 although the level promises it is marked. */
export function TrafficTable({ traffic }: { traffic: readonly LabTraffic[] }) {
  const columns: readonly Column<Row>[] = [
    { key: 'name', head: '', cell: ({ name }) => name },
    ...traffic.map((level) => ({
      key: String(level.qos),
      head: `QoS ${level.qos}: ${promises[level.qos]}`,
      isNumber: true,
      cell: (row: Row) => <Count row={row} level={level} />,
    })),
  ];
  return (
    <div class="traffic">
      <Table caption="Messages by QoS" rows={rows} rowKey={({ name }) => name} columns={columns} />
    </div>
  );
}

function Count({ row, level }: { row: Row; level: LabTraffic }) {
  const value = row.value(level);
  if (value === null) return <>{absent}</>;
  const text = row.format(value);
  if (row.promisedZero === undefined || value === 0) return <>{text}</>;
  return <span class={row.promisedZero.includes(level.qos) ? 'count-bad' : 'count-allowed'}>{text}</span>;
}
