import type { HttpRequest, HttpResponse } from '@mqtt-cluster/runtime';
import type { RuleAdministration } from './rule-administration.ts';

/** Handles an authorized request for the rules of the cluster. */
export async function handleRuleRequest(
  rules: RuleAdministration,
  request: HttpRequest,
): Promise<HttpResponse> {
  if (request.method === 'GET') return { code: 200, body: rules.list() };
  if (request.method === 'PUT') return rules.replace(await request.json());
  return { code: 405, body: { error: 'this path supports only GET and PUT requests' } };
}
