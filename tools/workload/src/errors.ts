/** Reports a load that could not run, with one line of text that contains the client id or the server. */
export class WorkloadError extends Error {
  override readonly name = 'WorkloadError';
}
