import { BlockList, isIP } from 'node:net';
import { isLoopback } from '@mqtt-cluster/contracts';
import { allAddresses, ownAddress } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import type { ListenerSettings } from './listener-settings.ts';

/** A client listener with all its settings. */
export type ClientListener = Omit<ListenerSettings, 'host'> & {
  readonly host: string;
  /** Path of the listener's settings, for messages. */
  readonly setting: string;
};

/** Name of the listener of a configuration without `mqtt.listeners`. */
const defaultName = 'default';

/** Scheme of the URLs of each kind of listener. */
const schemes = { tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' } as const;
export type ListenerKind = keyof typeof schemes;

/**
 * Returns the listeners for clients: those of `mqtt.listeners`, else one listener named `default` from `host`,
 * `mqtt.port`, `mqtt.authentication` and `mqtt.anonymous`.
 */
export function clientListeners({ host, mqtt }: ApplianceConfig): readonly ClientListener[] {
  if (mqtt.listeners.length > 0) {
    return mqtt.listeners.map((listener, index) => ({
      ...listener,
      host: listener.host ?? host,
      setting: `mqtt.listeners.${index}`,
    }));
  }
  const { port, authentication, anonymous } = mqtt;
  return [
    {
      name: defaultName,
      kind: 'tcp',
      host,
      port,
      path: '',
      origins: [],
      proxy: [],
      authentication,
      anonymous,
      urls: [],
      setting: 'mqtt',
    },
  ];
}

/**
 * Returns the URLs at which clients reach a listener: those of its setting, else one that is derived. Clients reach a
 * listener behind a proxy at the proxy, whose address only the setting contains.
 */
function listenerUrls(listener: ClientListener, config: ApplianceConfig): readonly string[] {
  if (listener.urls.length > 0) return listener.urls;
  return listener.proxy.length > 0 || listener.port === 0 ? [] : [derivedUrl(listener, config)];
}

/**
 * A listener on all addresses is advertised at the address that the member's peers use.
 */
function derivedUrl({ kind, host, port, path }: ClientListener, config: ApplianceConfig): string {
  const listensOnAll = [allAddresses, '0.0.0.0', '::'].includes(host);
  const address = listensOnAll ? ownAddress(config).host : host;
  const webSocketPath = kind === 'ws' || kind === 'wss' ? path : '';
  return `${schemes[kind]}://${isIP(address) === 6 ? `[${address}]` : address}:${port}${webSocketPath}`;
}

/** Returns the first listener of a kind that serves connections without a proxy, or undefined. */
export function directListener(config: ApplianceConfig, kind: ListenerKind): ClientListener | undefined {
  return clientListeners(config).find((listener) => listener.kind === kind && listener.proxy.length === 0);
}

/**
 * Returns whether a connection from a loopback address counts as one of a program on this host. With a proxy on this host,
 * or with `admin.trustLoopback` set to false, it may come from another host.
 */
export function trustsLoopback(config: ApplianceConfig): boolean {
  const hasLocalProxy = clientListeners(config).some(({ proxy }) => proxy.some(coversLoopback));
  return config.admin.trustLoopback && !hasLocalProxy;
}

function coversLoopback(network: string): boolean {
  const [address = '', bits] = network.split('/');
  if (isLoopback(address)) return true;
  if (bits === undefined) return false;
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(address, Number(bits), family);
  return list.check(family === 'ipv6' ? '::1' : '127.0.0.1', family);
}

/**
 * Returns the URL at which a program on this host reaches this member, or undefined if no listener of this kind serves
 * connections without a proxy.
 */
export function ownUrl(config: ApplianceConfig, kind: ListenerKind): string | undefined {
  const own = directListener(config, kind);
  return own && derivedUrl(own, config);
}

/**
 * Returns the URLs that this member announces to its peers: those of the setting `urls`, else those of all its
 * listeners. Clients on other hosts cannot use a loopback address, so a member announces one only if the cluster
 * itself runs on loopback addresses.
 */
export function announcedUrls(config: ApplianceConfig): readonly string[] {
  const configured = config.urls.get(config.id);
  if (configured !== undefined) return configured;
  const urls = clientListeners(config).flatMap((listener) => listenerUrls(listener, config));
  return urls.filter((url) => runsOnLoopback(config) || !isLoopback(new URL(url).hostname));
}

/** Returns whether the peers reach this member at a loopback address, so all members are on this host. */
export function runsOnLoopback(config: ApplianceConfig): boolean {
  return isLoopback(ownAddress(config).host);
}

/**
 * Returns the kind of listener that serves a URL, or undefined for a text that is no such URL. A peer may announce any
 * text.
 */
export function kindOfUrl(url: string): ListenerKind | undefined {
  if (!URL.canParse(url)) return undefined;
  switch (new URL(url).protocol) {
    case 'mqtt:':
    case 'tcp:':
      return 'tcp';
    case 'mqtts:':
    case 'ssl:':
      return 'tls';
    case 'ws:':
      return 'ws';
    case 'wss:':
      return 'wss';
    default:
      return undefined;
  }
}
