import { pick } from '@mqtt-cluster/kit';
import type { Random } from '@mqtt-cluster/kit';
import { mutate } from '../mutation/mutate.ts';
import { Fault } from '../target.ts';
import type { Target } from '../target.ts';

/** A parser reads even the largest input of a case in far less processor time. */
const parseMsMax = 5_000;
/** Inputs of one case. Between two cases the event loop handles the other targets. */
const inputsPerCase = 10;

/** A parser accepted an input that it must refuse, or what it returned is wrong. */
export class BrokenPromise extends Error {}

export interface ParserTargetOptions {
  readonly name: string;
  /** Valid inputs, from which the cases are mutated. */
  readonly corpus: readonly Buffer[];
  /** Changes a valid input. Default: random changes of its bytes. */
  readonly change?: (random: Random, bytes: Buffer) => Buffer;
  /**
   * Parses one input, and uses what the parser returns. Throws a {@link BrokenPromise} when the parser accepts what it must
   * refuse.
   */
  readonly parse: (bytes: Buffer) => unknown;
  /** Returns whether the parser may throw this error. */
  readonly isDeclared: (error: unknown) => boolean;
}

/** Returns a target that mutates valid inputs of a parser. The parser must return a value or throw a declared error. */
export function parserTarget(options: ParserTargetOptions): Target {
  const { name, corpus, change = mutate, parse, isDeclared } = options;
  return {
    name,
    parallel: 1,
    async run(random) {
      for (let count = 0; count < inputsPerCase; count++) {
        const input = change(random, pick(random, corpus));
        const before = process.cpuUsage();
        try {
          // The parser may keep or change its input.
          await parse(Buffer.from(input));
        } catch (error) {
          if (error instanceof BrokenPromise) throw new Fault(`${name}: ${error.message}`, input);
          if (!isDeclared(error))
            throw new Fault(`${name}: undeclared error ${describe(error)}`, input, { cause: error });
        }
        const { user, system } = process.cpuUsage(before);
        const tookMs = (user + system) / 1_000;
        if (tookMs > parseMsMax)
          throw new Fault(`${name}: one input took ${Math.round(tookMs)} ms of processor time`, input);
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
