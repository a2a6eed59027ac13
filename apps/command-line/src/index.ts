/** The entry for the program of the appliance, whose command `admin` is this command line. */
export { environmentVariables } from './program/environment.ts';
export { CommandError } from './program/errors.ts';
export type { MemberHost } from './program/member-host.ts';
export { programNames, runProgram } from './program/program.ts';
export { runProcess } from './program/run-process.ts';
