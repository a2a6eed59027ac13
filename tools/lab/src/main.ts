import { runTool } from '@mqtt-cluster/kit';
import { readArguments } from './arguments.ts';
import type { Arguments } from './arguments.ts';
import { down, fault, status } from './commands/control-commands.ts';
import { run } from './commands/run.ts';
import { start } from './commands/start.ts';
import { daemon, up } from './commands/up.ts';

const commands: Readonly<Record<Arguments['command'], (given: Arguments) => Promise<void>>> = {
  start,
  up,
  daemon,
  fault,
  status,
  down,
  run,
};

await runTool('lab', () => {
  const given = readArguments(process.argv.slice(2));
  return commands[given.command](given);
});
