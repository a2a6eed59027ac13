/** The load could not run: one line that names the client or the server. */
export class WorkloadError extends Error {
  override readonly name = 'WorkloadError';
}
