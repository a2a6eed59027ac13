import { linkListener } from '@mqtt-cluster/links';

/**
 * Names of connections that no listener has accepted, instead of the name of a listener: the probe and the publisher inside
 * this process, the links, and the WebSocket on the HTTP port, which the console uses. No listener may have such a name, because
 * `$` is not allowed in the setting `mqtt.listeners`. Rules may name `$console`.
 */
export const internalListeners = {
  probe: '$probe',
  publisher: '$publisher',
  console: '$console',
  stateChanges: '$api',
  links: linkListener,
} as const;
