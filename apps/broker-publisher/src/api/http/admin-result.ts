import type { AdminResponse } from '../../admin/admin-command-handler.ts';
import { ApiProblem } from './api-problem.ts';

/** Returns the result of an act of an operator. @throws ApiProblem the act was refused */
export function adminResult({ code, body }: AdminResponse): { readonly ok: true; readonly text: string } {
  rejectFailure({ code, body });
  return { ok: true, text: String(body['text'] ?? '') };
}

/** @throws ApiProblem the act was refused */
export function rejectFailure({ code, body }: AdminResponse): void {
  if (code < 400) return;
  throw new ApiProblem(code, String(body['error'] ?? 'the act was refused'), {
    later: body['later'] === true,
  });
}
