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
  fault ACTION MEMBER...         kill stop start pause resume cut heal slow wipe
  status [--json]                what every member says of itself
  down                           ends everything and deletes the members' data
  run [--members N] [--for 30s] [--faults "kill:3@5s,start:3@15s"] [--rate N] [--seed S] [--json]
                                 a load, faults and a verdict; status 0 when every promise held

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
