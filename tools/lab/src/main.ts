import { readArguments } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { down, fault, status } from './commands/others.ts';
import { run } from './commands/run.ts';
import { start } from './commands/start.ts';
import { daemon, up } from './commands/up.ts';
import { messageOf, UsageError } from './errors.ts';

const usage = `lab: a cluster on this machine, with faults on demand

  start [--members N]            members, a client and a live view (npm start)
  up [--members N]               members in the background; prints where they are
  fault ACTION MEMBER...         see below; "heal" ends all but those of processes
  status [--json]                what every member says of itself
  down                           ends everything and deletes the members' data
  run [--members N] [--for 30s] [--faults "kill:3@5s,start:3@15s"] [--rate N] [--seed S] [--json]
                                 a load, faults and a verdict; status 0 when every promise held
      [--gaps judged|shown]      shown: gaps are no part of the verdict, for a machine with other work (default judged)

Faults, as commands and in a plan (with @time behind); members are 1 to 7 or all, joined by + or commas:
  kill:3 start:3                 SIGKILL; start with the same data, and wait until it serves
  stop:3 wipe:3                  SIGTERM; kill it and delete its data
  pause:3 resume:3               SIGSTOP, SIGCONT
  rolling                        one after the other: stop, start, wait until it serves
  cut:1,2,3/4,5,6/7              links between the groups, and to the rest, go silent
  one-way:3 one-way:1,2/3        nothing gets from 3 to the others (from 1 and 2 to 3); the other way it does
  flap:3                         its links fail and come back every second, silently and with resets by turns
  slow:3                         its links take 100 ± 50 ms in each direction
  loss:3 loss:3=5%               1 % of segments lost: the stream stalls 200 ms or more for each and goes on
  throttle:3=1mbit               the rate of each of its links
  full-disk:3 slow-disk:3=200ms  writes fail with ENOSPC; every sync takes that much longer
  clock:3=+5s clock:3=-1h        its wall clock is that far off
  heal                           ends the faults of links, disks and clocks
For example: lab fault cut 1 2 3 / 4 5; lab fault slow-disk 3=200ms; lab run --faults "flap:3@5s,heal@15s"

  --dir D                        where data and logs are (default .lab)
  --set key=value                a setting of every member: log.level=debug sets MQTT_CLUSTER_LOG_LEVEL
  --keep                         start, up, down: keep the members' data
`;

const argv = process.argv.slice(2);

async function main(given: Arguments): Promise<void> {
  if (given.help) return void process.stdout.write(usage);
  switch (given.command) {
    case 'start':
      return start(given);
    case 'up':
      return up(given, argv);
    case 'daemon':
      return daemon(given);
    case 'fault':
      return fault(given);
    case 'status':
      return status(given);
    case 'down':
      return down(given);
    case 'run':
      return run(given);
    default:
      throw new UsageError(`no command "${given.command}"; "lab --help" lists them`);
  }
}

try {
  await main(readArguments(argv));
} catch (error) {
  process.stderr.write(`lab: ${messageOf(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
