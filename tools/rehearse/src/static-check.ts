/** One check that needs no running hosts. */
export interface Check {
  readonly name: string;
  /** @returns the problem that the check found, or null */
  run(): Promise<string | null>;
}
