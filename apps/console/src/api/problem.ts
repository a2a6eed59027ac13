import type { Problem } from './types.ts';

/** An answer other than 2xx, or no answer. The message is one sentence for the user. */
export class ApiError extends Error {
  /** HTTP status; 0 without an answer. */
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ApiError';
    this.status = status;
  }
}

const textOfStatus: Readonly<Record<number, string>> = {
  401: 'Sign in first.',
  403: 'Your role does not allow this.',
  404: 'The member has no such path. Its version may be older than this console.',
  429: 'Too many attempts. Wait a moment and try again.',
  503: 'The member cannot answer now.',
};

/** Returns the error for an answer with problem details [RFC 9457], or without them. */
export function problemError(status: number, problem: unknown): ApiError {
  const { detail, title }: Problem = typeof problem === 'object' && problem !== null ? problem : {};
  const fallback = textOfStatus[status] ?? `The member answered with status ${status}.`;
  return new ApiError(detail ?? title ?? fallback, status);
}

/** Returns the error for a request without an answer. */
export function unreachableError(cause: unknown): ApiError {
  return new ApiError('The member that serves this page does not answer.', 0, { cause });
}

export function isAborted(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

export function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
