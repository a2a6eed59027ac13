/**
 * Functions and classes that the command line tools of this repository share. The kit imports no package of the product,
 * so that a checker that uses the kit stays independent of the code that it checks.
 */
export { Option } from './command-line/option.ts';
export { CommandLine, HelpRequested, readCommandLine } from './command-line/command-line.ts';
export { runTool } from './command-line/run-tool.ts';
export { duration, listOf, oneOf, parseDuration, repeated, wholeNumber } from './command-line/values.ts';
export { describeError, UsageError } from './errors.ts';
export { MqttConnection, startTls } from './mqtt/connection.ts';
export type {
  ConnectionEnd,
  ConnectionHandlers,
  ConnectionOptions,
  ServerAccess,
  ServerAddress,
} from './mqtt/connection.ts';
export { acknowledgesPublish, exchange } from './mqtt/exchange.ts';
export type { ExchangeHandlers, ExchangeOptions } from './mqtt/exchange.ts';
export { freePort } from './ports.ts';
export { ChildProgram, killOnExit } from './processes/child-program.ts';
export type { ChildProgramOptions } from './processes/child-program.ts';
export { findProgram } from './processes/find-program.ts';
export {
  cpuSeconds,
  mainThreadSeconds,
  processActivity,
  residentBytes,
  processorWaitMs,
} from './processes/process-usage.ts';
export type { ProcessActivity } from './processes/process-usage.ts';
export { attemptCommand, CommandError, runCommand } from './processes/run-command.ts';
export type { CommandOptions, ProgramResult } from './processes/run-command.ts';
export { between, pick, seededRandom, shuffled } from './random.ts';
export type { Random } from './random.ts';
export { resetSocket } from './reset-socket.ts';
export { LatencyHistogram } from './statistics/latency-histogram.ts';
export { median, percentile } from './statistics/percentile.ts';
export { holdsWithin, poll, waitFor, WaitTimeoutError } from './wait.ts';
export type { WaitOptions } from './wait.ts';
