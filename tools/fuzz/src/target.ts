import type { Random } from '@mqtt-cluster/kit';

/** One kind of input that the fuzzer attacks. */
export interface Target {
  readonly name: string;
  /** Cases that run at the same time. 1 for a target without I/O. */
  readonly parallel: number;
  /**
   * Runs one case. The same random numbers give the same input.
   *
   * @throws Fault when the attacked code breaks its promise
   */
  run(random: Random): Promise<void>;
}

/** The attacked code broke a promise: for example, it threw an error that it does not declare. */
export class Fault extends Error {
  /** The input of the case, if the case has one. */
  readonly input: Uint8Array | null;

  constructor(message: string, input: Uint8Array | null = null, options?: ErrorOptions) {
    super(message, options);
    this.input = input;
  }
}
