import { hostname } from 'node:os';
import { crossSiteRefusal, KnownHosts } from '@mqtt-cluster/runtime';
import type { GuardedRequest, HttpResponse } from '@mqtt-cluster/runtime';
import type { ApplianceConfig } from '../config.ts';

/** Paths below this one answer errors as RFC 9457 demands. */
const apiPath = '/api/';

/**
 * Returns the names under which this member is addressed: those of the setting `http.hosts`, of all members in the settings,
 * and of this host.
 */
function hostNamesOf(config: ApplianceConfig): Set<string> {
  const urls = [...config.urls.values(), ...config.mqtt.listeners.map((listener) => listener.urls)].flat();
  return new Set([
    ...config.http.hosts,
    ...config.peers.map(({ host }) => host),
    ...urls.map((url) => new URL(url).hostname),
    config.host,
    hostname(),
  ]);
}

/**
 * Returns the guard of the HTTP server: it refuses the requests of pages of other origins and those to unknown hosts, and
 * changes without the header `x-mqtt-cluster`. The paths before version 1 of the API demand that header only of browsers,
 * because playbooks and scripts send requests without it.
 */
export function requestGuard(config: ApplianceConfig): (request: GuardedRequest) => HttpResponse | null {
  const rules = {
    hosts: new KnownHosts(hostNamesOf(config)),
    needsChangeHeader: (path: string) => path.startsWith(apiPath),
  };
  return (request) => {
    const refusal = crossSiteRefusal(request, rules);
    if (refusal === null) return null;
    const { code, reason } = refusal;
    if (!request.path.startsWith(apiPath)) return { code, body: { error: reason } };
    const title = code === 421 ? 'Misdirected Request' : 'Forbidden';
    return {
      code,
      body: { type: 'about:blank', title, status: code, detail: reason },
      headers: { 'content-type': 'application/problem+json' },
    };
  };
}
