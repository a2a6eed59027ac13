import {
  CommandLine,
  duration,
  listOf,
  oneOf,
  Option,
  readCommandLine,
  UsageError,
  wholeNumber,
} from '@mqtt-cluster/kit';
import { offlineNames, onlineNames } from './targets.ts';
import type { TargetName } from './targets.ts';

const seedMax = 2 ** 31;
const caseMax = 2 ** 31;
const forDefaultMs = 60_000;
const folderDefault = '.lab/fuzz';

export interface FuzzArguments {
  readonly forMs: number;
  readonly seed: number;
  readonly only: readonly TargetName[];
  /** The only case to run of the only target, or null. */
  readonly case: number | null;
  readonly folder: string;
}

interface Options {
  readonly for: number;
  readonly seed?: number;
  readonly only?: readonly TargetName[];
  readonly case?: number;
  readonly dir: string;
}

const notes = `
Targets without a cluster: ${offlineNames.join(', ')}.
Targets of a running cluster: ${onlineNames.join(', ')}. The fuzzer starts three members and attacks the first one, while a
witness publishes and receives at each member.

The exit status is 1 if a parser threw an undeclared error or took too long, the witness missed an acknowledged message or lost
its connection, a member ended or hung, the members elected a leader, or the memory of a member grew. Elections and lost
connections are not judged while the machine gives a process too little processor time. The exit status is 3 if the run was
stopped before the attack on the cluster, or if something was inconclusive and the machine was busy for more than half of the
attack. A fault in a parser comes with its input in the folder of --dir.

Examples:
  npm run fuzz                                    one minute, all targets
  npm run fuzz -- --for 1h --seed 7
  npm run fuzz -- --only bridge-frames,snapshots --for 10m
  npm run fuzz -- --seed 7 --only store-files --case 1234`;

/** Parses the command line. @throws UsageError that contains the first wrong argument. @throws HelpRequested */
export function readArguments(argv: readonly string[]): FuzzArguments {
  const all = [...offlineNames, ...onlineNames];
  return readCommandLine<FuzzArguments>(argv, (report) =>
    new CommandLine('fuzz')
      .description(
        'Attacks parsers and a running cluster with malformed input, while a witness publishes and receives.',
      )
      .addOption(
        new Option('--for <TIME>', 'duration: 90s, 30m or 8h')
          .argParser(duration('1s', '7d'))
          .default(forDefaultMs, '1m'),
      )
      .option('--seed <N>', 'seed of the random inputs (default: random)', wholeNumber(0, seedMax))
      .option('--only <LIST>', 'comma-separated targets (default: all)', listOf(oneOf<TargetName>(...all)))
      .option(
        '--case <N>',
        'with --only and --seed: run only this case of one target',
        wholeNumber(0, caseMax),
      )
      .option('--dir <D>', 'folder for data, logs and failed inputs', folderDefault)
      .addHelpText('after', notes)
      .action(({ for: forMs, seed, only = all, case: number, dir }: Options) => {
        if (number !== undefined && (only.length !== 1 || seed === undefined))
          throw new UsageError('--case needs --seed and --only with one target');
        report({
          forMs,
          seed: seed ?? Math.floor(Math.random() * seedMax),
          only,
          case: number ?? null,
          folder: dir,
        });
      }),
  );
}
