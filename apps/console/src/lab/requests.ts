import { ApiError, isAborted, problemError, unreachableError } from '../api/problem.ts';
import { ownHeaders, withDeadline } from '../api/transport.ts';
import type { LabFaultRequest, LabState } from './shapes.ts';

async function ask(path: string, options: RequestInit): Promise<unknown> {
  try {
    const response = await fetch(`/lab/${path}`, options);
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) throw problemError(response.status, body);
    return body;
  } catch (error) {
    if (error instanceof ApiError || isAborted(error)) throw error;
    throw unreachableError(error);
  }
}

export async function getLabState(signal?: AbortSignal): Promise<LabState> {
  return (await ask('state', { signal: withDeadline(signal) })) as LabState;
}

/** Injects a fault. A fault such as `start` answers when the member runs, which may take some seconds. */
export async function injectFault(fault: string): Promise<void> {
  const body: LabFaultRequest = { fault };
  await ask('faults', {
    method: 'POST',
    headers: { ...ownHeaders, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
