import type { ListenerTls } from '@mqtt-cluster/broker';
import type { ApplianceConfig } from '../config.ts';
import type { ClientListener } from './client-listeners.ts';
import { isTlsKind } from './listener-settings.ts';
import type { BridgeTls } from '@mqtt-cluster/bridge';
import { checkTlsFiles, revocationsOf } from '@mqtt-cluster/runtime';
import type { PemFile } from '@mqtt-cluster/runtime';

export type TlsListener = ClientListener & { readonly tls: NonNullable<ClientListener['tls']> };

export function usesTls(listener: ClientListener): listener is TlsListener {
  return isTlsKind(listener.kind);
}

/** Returns the paths of the files of a listener, in the order that {@link parseListenerTls} expects. */
export function tlsPaths({ tls: { key, cert, ca, crl } }: TlsListener): string[] {
  return [key, cert, ca, crl].filter((path) => path !== '');
}

/**
 * Returns the TLS options of a listener.
 *
 * @param files the files of {@link tlsPaths}, in the same order
 * @throws Error the message starts with the path of the file that is wrong
 */
export function parseListenerTls({ tls }: TlsListener, files: readonly PemFile[]): ListenerTls {
  const find = (path: string): PemFile | undefined => files.find((file) => file.path === path);
  const [key, cert, ca, crl] = [find(tls.key)!, find(tls.cert)!, find(tls.ca), find(tls.crl)];
  checkTlsFiles({ key, cert, ...(ca && { ca }), ...(crl && { crl }), uses: ['server'] });
  return {
    key: key.text,
    cert: cert.text,
    ...(ca && { ca: ca.text }),
    ...(crl && { revocations: revocationsOf(crl) }),
    clientCertificate: tls.clientCertificate,
    minVersion: tls.minVersion,
  };
}

/** Returns the paths of the files of the cluster port, in the order that {@link parseMemberTls} expects. */
export function memberTlsPaths({ key, cert, ca, crl }: ApplianceConfig['tls']): string[] {
  return [key, cert, ca, crl].filter((path) => path !== '');
}

/**
 * Returns the TLS options of the cluster port. A member is the server of its peers and their client.
 *
 * @param files the files of {@link memberTlsPaths}, in the same order
 * @throws Error the message starts with the path of the file that is wrong
 */
export function parseMemberTls(files: readonly PemFile[]): BridgeTls {
  const [key, cert, ca, crl] = files as [PemFile, PemFile, PemFile, PemFile?];
  checkTlsFiles({ key, cert, ca, ...(crl && { crl }), uses: ['server', 'client'] });
  return { key: key.text, cert: cert.text, ca: ca.text, ...(crl && { revocations: revocationsOf(crl) }) };
}
