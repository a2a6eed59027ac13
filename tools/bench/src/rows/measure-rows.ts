import { describeError } from '@mqtt-cluster/kit';
import type { BenchArguments } from '../arguments.ts';
import type { Processes } from '../processes.ts';
import { mosquitto } from '../targets/mosquitto.ts';
import { startMembers } from '../targets/ours.ts';
import { rows } from './index.ts';
import type { Row, Subject } from './row.ts';

export interface RowMeasurement {
  readonly row: string;
  readonly target: string;
  readonly run: number;
  /** One value for each figure of the row. */
  readonly values: readonly number[];
}

export interface RowsResult {
  readonly measurements: readonly RowMeasurement[];
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

/** Measures the selected rows with one member of this cluster and with mosquitto, in turn. */
export async function measureRows(
  processes: Processes,
  given: BenchArguments,
  log: (text: string) => void,
): Promise<RowsResult> {
  const wanted = rows.filter(({ name }) => given.only === null || given.only.includes(name));
  const selected = wanted.filter(({ needsOtherMembers }) => !given.tls || needsOtherMembers !== true);
  const measurements: RowMeasurement[] = [];
  const failures: string[] = [];
  const reason = given.tls ? 'not measured with --tls' : mosquitto.unavailable();
  const skipped = [
    ...(reason === null ? [] : [`mosquitto: ${reason}`]),
    ...wanted.filter((row) => !selected.includes(row)).map(({ name }) => `${name}: not measured with --tls`),
  ];
  const subjects = [ours(processes, given.tls), ...(reason === null ? [otherBroker(processes)] : [])];
  for (const row of selected) {
    for (let run = 1; run <= given.runs; run++) {
      for (const subject of row.needsOtherMembers === true ? subjects.slice(0, 1) : subjects) {
        const place = `${row.name}, ${subject.name}, run ${run}`;
        try {
          const values = await measure(processes, given, row, subject);
          measurements.push({ row: row.name, target: subject.name, run, values });
          const texts = row.figures.map(({ name, unit }, at) => `${name} ${values[at]!.toFixed(2)} ${unit}`);
          log(`${place}: ${texts.join(', ')}`);
        } catch (error) {
          failures.push(`${place}: ${describeError(error)}`);
          log(`FAILED ${failures.at(-1)}`);
        }
      }
    }
  }
  return { measurements, skipped, failures };
}

async function measure(
  processes: Processes,
  given: BenchArguments,
  row: Row,
  subject: Subject,
): Promise<readonly number[]> {
  const directory = processes.directory();
  try {
    return await row.measure({ processes, subject, directory, given });
  } finally {
    processes.removeDirectory(directory);
  }
}

function ours(processes: Processes, secure: boolean): Subject {
  return {
    name: secure ? 'ours-tls' : 'ours',
    start: (directory) => startMembers(processes, directory, 1, { secure }),
  };
}

function otherBroker(processes: Processes): Subject {
  return {
    name: 'mosquitto',
    start: (directory) => mosquitto.start(processes, directory, { clean: false }),
  };
}
