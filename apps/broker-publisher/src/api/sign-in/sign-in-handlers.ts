import type { SignIn, WebAnswer } from '../../web/sign-in.ts';
import { ApiProblem } from '../http/api-problem.ts';
import { jsonResponse } from '../http/json-response.ts';
import type { ApiHandlers } from '../http/handler.ts';

type Ids = 'signIn' | 'signOut' | 'getMe';

/** Returns the handlers of the operations that begin and end a session of the console. */
export function signInHandlers(signIn: SignIn): ApiHandlers<Ids> {
  return {
    signIn: async ({ exchange, body }) => responseOf(await signIn.signIn(exchange, body)),
    signOut: ({ exchange }) => responseOf(signIn.signOut(exchange)),
    getMe: async ({ exchange }) => responseOf(await signIn.me(exchange)),
  };
}

/** @throws ApiProblem the request is refused */
function responseOf(answer: WebAnswer<unknown>): Response {
  if (answer.ok) {
    const { value, setCookie } = answer;
    return jsonResponse(value, 200, setCookie === undefined ? {} : { 'set-cookie': setCookie });
  }
  const { code, reason, retryAfterSeconds } = answer;
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  throw new ApiProblem(code, reason, { headers });
}
