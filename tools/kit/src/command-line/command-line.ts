import { Command, InvalidArgumentError } from 'commander';
import type { ErrorOptions, Option } from 'commander';
import { UsageError } from '../errors.ts';

/** Thrown when the user asks for help: the program prints the text and exits with status 0. */
export class HelpRequested extends Error {
  override readonly name = 'HelpRequested';
  readonly text: string;

  constructor(text: string) {
    super('the user asked for help');
    this.text = text;
  }
}

/**
 * A `commander` command that throws errors instead of printing and exiting. It throws {@link UsageError} with one line for
 * a wrong command line, and {@link HelpRequested} for `--help`. Its subcommands behave in the same way.
 */
export class CommandLine extends Command {
  constructor(name?: string) {
    super(name);
    this.allowExcessArguments(false);
    this.helpOption('-h, --help', 'print this help');
  }

  override createCommand(name?: string): CommandLine {
    return new CommandLine(name);
  }

  /**
   * Parses the arguments and runs the action of the command in the arguments.
   *
   * @param argv the arguments of the program, without the paths of Node and of the script
   * @throws UsageError that contains the first wrong argument
   * @throws HelpRequested
   */
  read(argv: readonly string[]): void {
    this.parse([...argv], { from: 'user' });
  }

  /** Adds an option. Its value must not start with `--`: such a text is the next option, and the value is missing. */
  override addOption(option: Option): this {
    if (option.required) {
      const parse = option.parseArg ?? ((text: string) => text);
      option.argParser((text: string, previous: unknown) => {
        if (text.startsWith('--')) throw new InvalidArgumentError('needs a value');
        return parse(text, previous);
      });
    }
    return super.addOption(option);
  }

  override outputHelp(): never {
    let text = '';
    this.configureOutput({ writeOut: (part) => void (text += part) });
    super.outputHelp();
    throw new HelpRequested(text);
  }

  /** Returns the help text of the command and the options of all its subcommands. */
  override helpInformation(): string {
    return `${super.helpInformation()}${this.#optionsOfSubcommands()}`;
  }

  override error(message: string, options?: ErrorOptions): never {
    throw new UsageError(`${this.#explain(message, options?.code)}; see "${this.#path()} --help"`);
  }

  #optionsOfSubcommands(): string {
    const help = this.createHelp();
    let text = '';
    for (const command of help.visibleCommands(this)) {
      const options = help.visibleOptions(command).filter(({ long }) => long !== '--help');
      if (options.length === 0) continue;
      const terms = options.map((option) => help.optionTerm(option));
      const width = Math.max(...terms.map((term) => term.length));
      const lines = options.map(
        (option, index) => `  ${(terms[index] ?? '').padEnd(width)}  ${help.optionDescription(option)}\n`,
      );
      text += `\nOptions of "${this.#path()} ${command.name()}":\n${lines.join('')}`;
    }
    return text;
  }

  #explain(message: string, code: string | undefined): string {
    if (code === 'commander.excessArguments') return this.#explainExcess();
    const text = message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
    // "error: option '-r, --rate <N>' argument 'x' is invalid. must be a number"
    const invalid = /^option '(?:-\w, )?(--[\w-]+)[^']*' argument '(.*)' is invalid\. (.*)$/.exec(text);
    if (invalid === null) return text;
    const [, option = '', value = '', reason = ''] = invalid;
    return `${option} ${reason}, not "${value}"`;
  }

  #explainExcess(): string {
    const excess = this.args[this.registeredArguments.length] ?? '';
    const program = this.parent ?? this;
    const commands = program.createHelp().visibleCommands(program);
    if (commands.length === 0) return `unexpected argument "${excess}"`;
    const names = commands.map((command) => command.name()).filter((name) => name !== 'help');
    const isCommand = this.parent === null;
    return `${isCommand ? 'unknown command' : 'unexpected argument'} "${excess}" (commands: ${names.join(', ')})`;
  }

  /** Returns the names of the program and the subcommand, as the user types them. */
  #path(): string {
    const names = [this.name()];
    for (let command = this.parent; command !== null; command = command.parent) names.unshift(command.name());
    return names.join(' ');
  }
}

/**
 * Parses a command line. The action that runs must report one value, which this function returns.
 *
 * @param build creates the command line; each action of the command line must call `report` once
 * @throws UsageError, HelpRequested
 */
export function readCommandLine<Value>(
  argv: readonly string[],
  build: (report: (value: Value) => void) => CommandLine,
): Value {
  const values: Value[] = [];
  build((value) => void values.push(value)).read(argv);
  if (values.length !== 1) throw new Error(`${values.length} actions ran for "${argv.join(' ')}"`);
  return values[0] as Value;
}
