import type { Command } from 'commander';
import { Context } from './context.ts';
import type { GlobalOptions } from './context.ts';
import type { Environment } from './environment.ts';
import type { MemberHost } from './member-host.ts';
import type { Streams } from './output.ts';

/** Work of a command. It returns the exit status; without a value, 0. */
type Action<Options> = (
  context: Context,
  operands: readonly string[],
  options: Options & GlobalOptions,
) => Promise<number | void>;

interface Definition<Options> {
  /** Name and operands, such as `show <ID>`. */
  readonly usage: string;
  readonly description: string;
  /** Arguments of examples, without the name of the program, and what each does. */
  readonly examples: Readonly<Record<string, string>>;
  /** Declares the options. */
  readonly options?: (command: Command) => Command;
  readonly isDefault?: boolean;
  readonly run: Action<Options>;
}

export interface RegistryOptions {
  /** Name of the program, as a person types it. */
  readonly name: string;
  readonly streams: Streams;
  readonly environment: Environment;
  readonly host: MemberHost | null;
}

/** Declares commands and connects them with their work. */
export class Registry {
  readonly #options: RegistryOptions;
  /** Exit status of the command that ran. */
  status = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** The member of this host; null if the program does not belong to an appliance. */
  get host(): MemberHost | null {
    return this.#options.host;
  }

  /** Declares a command below `parent`. */
  add<Options = object>(parent: Command, definition: Definition<Options>): void {
    const {
      usage,
      description,
      examples,
      options = (command) => command,
      isDefault = false,
      run,
    } = definition;
    const command = options(parent.command(usage, { isDefault }).description(description));
    this.#withExamples(command, examples)
      .allowExcessArguments(false)
      .action(async () => {
        const given = command.optsWithGlobals<Options & GlobalOptions>();
        const context = new Context(given, this.#options);
        this.status = (await run(context, command.args, given)) ?? 0;
      });
  }

  /** Declares a group of commands. */
  group(
    parent: Command,
    name: string,
    description: string,
    examples: Readonly<Record<string, string>>,
  ): Command {
    return this.#withExamples(parent.command(name).description(description).helpCommand(false), examples);
  }

  #withExamples(command: Command, examples: Readonly<Record<string, string>>): Command {
    const width = Math.max(...Object.keys(examples).map((line) => line.length));
    const lines = Object.entries(examples).map(
      ([line, meaning]) => `  ${this.#options.name} ${line.padEnd(width)}  ${meaning}`,
    );
    return command
      .helpOption('-h, --help', 'print this help')
      .addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
  }
}
