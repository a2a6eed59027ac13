import type { HttpRequest, HttpResponse } from '@mqtt-cluster/runtime';
import { z } from 'zod';
import type { SignIn, WebAnswer } from './sign-in.ts';

const credentials = z.strictObject({
  user: z.string().min(1).max(256),
  password: z.string().min(1).max(1_024),
});

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  429: 'Too Many Requests',
  503: 'Service Unavailable',
};

/** Returns a handler of `/api/v1/sign-in`, `/api/v1/sign-out` and `/api/v1/me`; null for any other path. */
export function signInRoutes(signIn: SignIn): (request: HttpRequest) => Promise<HttpResponse> | null {
  return (request) => {
    switch (request.path) {
      case '/api/v1/sign-in':
        return request.method === 'POST' ? signInWith(signIn, request) : wrongMethod('POST');
      case '/api/v1/sign-out':
        return request.method === 'POST'
          ? Promise.resolve(responseOf(signIn.signOut(request)))
          : wrongMethod('POST');
      case '/api/v1/me':
        return request.method === 'GET' ? signIn.me(request).then(responseOf) : wrongMethod('GET');
      default:
        return null;
    }
  };
}

async function signInWith(signIn: SignIn, request: HttpRequest): Promise<HttpResponse> {
  const given = credentials.safeParse(await request.json());
  if (given.success) return responseOf(await signIn.signIn(request, given.data));
  return problem(400, 'the body must have the form {"user":"NAME","password":"PASSWORD"}');
}

function responseOf(answer: WebAnswer<unknown>): HttpResponse {
  if (!answer.ok) {
    const { code, reason, retryAfterSeconds } = answer;
    return problem(
      code,
      reason,
      retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) },
    );
  }
  const { value, setCookie } = answer;
  return { code: 200, body: value, ...(setCookie !== undefined && { headers: { 'set-cookie': setCookie } }) };
}

function wrongMethod(allowed: string): Promise<HttpResponse> {
  return Promise.resolve(problem(405, `this path supports only ${allowed} requests`, { allow: allowed }));
}

function problem(code: number, detail: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return {
    code,
    body: { type: 'about:blank', title: titles[code], status: code, detail },
    headers: { 'content-type': 'application/problem+json', ...headers },
  };
}
