import { ConfigError } from '@mqtt-cluster/contracts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from '../listeners/client-listeners.ts';

/** Value of `mqtt.jwt.audience`: tokens for any audience are accepted. */
export const anyAudience = '*';

/**
 * Checks that each provider of a listener has the settings that it needs.
 *
 * @throws ConfigError the message is one line
 */
export function checkProviderSettings(config: ApplianceConfig): void {
  for (const { setting, authentication } of clientListeners(config)) {
    const fault = (provider: string, what: string): ConfigError =>
      new ConfigError(`${setting}.authentication contains ${provider}, so ${what}`);
    if (authentication.includes('passwordFile') && config.mqtt.passwordFile === '')
      throw fault('passwordFile', 'mqtt.passwordFile must name a file of mosquitto_passwd');
    if (!authentication.includes('jwt')) continue;
    const { keysFile, keysUrl, audience } = config.mqtt.jwt;
    if (keysFile === '' && keysUrl === '')
      throw fault('jwt', 'mqtt.jwt.keysFile or mqtt.jwt.keysUrl must lead to the keys of the issuer');
    if (audience === '')
      throw fault(
        'jwt',
        `mqtt.jwt.audience must be set: otherwise a token that the issuer made for another service is accepted ` +
          `("${anyAudience}" accepts tokens for any service)`,
      );
  }
}
