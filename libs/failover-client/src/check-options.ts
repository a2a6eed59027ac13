import { createSecureContext } from 'node:tls';
import { OptionsError } from './errors.ts';
import { parseAddress, usesTls } from './servers/address.ts';
import { tlsOptions } from './transport/open-stream.ts';
import type { FailoverClientOptions, Server, TlsOptions } from './types.ts';

/** @throws OptionsError the options contradict each other, or the certificates are unusable */
export function checkOptions(options: FailoverClientOptions): void {
  if (options.clientId === '') throw new OptionsError('clientId: must not be empty');
  if (options.protocolVersion === 4 && options.session === 'process') {
    throw new OptionsError('session: "process" requires protocolVersion 5');
  }
  if (options.redundancy === 2 && options.will) {
    throw new OptionsError(
      'will: not allowed with redundancy 2, because one lost connection does not mean that the client is gone',
    );
  }
  if (options.redundancy === 2 && options.stopOnConnectionLoss) {
    throw new OptionsError('stopOnConnectionLoss: not allowed with redundancy 2');
  }
  checkCredentials(options);
  if (options.tls !== undefined && typeof options.tls !== 'function') checkTls(options.tls, options.servers);
}

function checkCredentials({ username, password, credentials, protocolVersion }: FailoverClientOptions): void {
  if (credentials !== undefined && (username !== undefined || password !== undefined))
    throw new OptionsError('credentials: excludes username and password');
  if (protocolVersion === 4 && password !== undefined && username === undefined)
    throw new OptionsError('password: MQTT 3.1.1 requires a username with it [MQTT-3.1.2-22]');
}

function checkTls(
  { ca, cert, key, serverName, checkServerName }: TlsOptions,
  servers: readonly Server[],
): void {
  if ((cert === undefined) !== (key === undefined))
    throw new OptionsError('tls: cert and key must be set together, or none of them');
  const isSet = [ca, cert, serverName, checkServerName].some((value) => value !== undefined);
  if (isSet && !servers.some(({ url }) => usesTls(parseAddress(url).scheme)))
    throw new OptionsError('tls: no server uses TLS; the URLs must start with mqtts:// or wss://');
  try {
    createSecureContext(tlsOptions('', { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }));
  } catch (cause) {
    throw new OptionsError(`tls: the certificates or the key are unusable: ${(cause as Error).message}`, {
      cause,
    });
  }
}
