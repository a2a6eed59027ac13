import { CommandLine, duration, Option, readCommandLine, UsageError, wholeNumber } from '@mqtt-cluster/kit';

const membersMax = 7;
const membersOfCheckMin = 3;
const rateMax = 1_000;
const rateDefault = 5;
const loadMsDefault = 10_000;
const folderDefault = '.lab/watch';

export interface WatchArguments {
  readonly check: boolean;
  readonly members: number;
  /** Messages a second for each QoS and publisher. */
  readonly rate: number;
  /** Duration of the verifying load of --check. */
  readonly loadMs: number;
  readonly folder: string;
  /** Folder for pictures of the dashboards; null without --pictures. */
  readonly pictures: string | null;
}

interface Options {
  readonly check?: boolean;
  readonly pictures?: string;
  readonly members: number;
  readonly rate: number;
  readonly for: number;
  readonly dir: string;
}

const notes = `
With --check the tool kills a member under load, compares the values in Prometheus with those of the application and of the
lab's verifying load, and exits with 0 only when they agree. Without --check the lab runs until Ctrl-C.

Prometheus must be installed (Debian: apt-get install prometheus). Its rules use shorter durations here: one minute in
production is two seconds.`;

/** Parses the command line. @throws UsageError that contains the first wrong argument. @throws HelpRequested */
export function readArguments(argv: readonly string[]): WatchArguments {
  return readCommandLine<WatchArguments>(argv, (report) =>
    new CommandLine('watch')
      .description('Runs a lab with publishers and an application, and a Prometheus that scrapes them.')
      .option('--check', 'compare the values of Prometheus and of the lab, then end')
      .option('--members <N>', 'number of members; --check needs 3', wholeNumber(1, membersMax), membersMax)
      .option(
        '--rate <N>',
        'messages a second for each QoS and publisher',
        wholeNumber(1, rateMax),
        rateDefault,
      )
      .addOption(
        new Option('--for <TIME>', '--check: duration of the verifying load')
          .argParser(duration('1s', '10m'))
          .default(loadMsDefault, '10s'),
      )
      .option('--dir <D>', 'folder for data, logs and samples', folderDefault)
      .option(
        '--pictures <D>',
        'write pictures of the dashboards into this folder, then end (needs chromium)',
      )
      .addHelpText('after', notes)
      .action(({ check = false, members, rate, for: loadMs, dir, pictures }: Options) => {
        if (check && members < membersOfCheckMin) {
          throw new UsageError(
            `--check needs --members ${membersOfCheckMin} to ${membersMax}, not ${members}`,
          );
        }
        report({ check, members, rate, loadMs, folder: dir, pictures: pictures ?? null });
      }),
  );
}
