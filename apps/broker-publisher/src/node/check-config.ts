import { createSecureContext } from 'node:tls';
import { ConfigError } from '@mqtt-cluster/contracts';
import { readToken } from '../admin/authorization.ts';
import { readConfig, readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { checkStartRules } from './start-rules.ts';

/**
 * Checks everything that the start of this program would check before it opens the store and the ports: the
 * settings, the rules of the start and the files. The check changes nothing and may run beside a running member.
 * The playbooks run it with the new image before they stop the first member of a cluster.
 *
 * @returns a sentence for the operator
 * @throws ConfigError the program would not start; the message is one line
 */
export function checkConfig(directory: string): string {
  const config = readConfig(directory);
  checkStartFiles(config);
  return `the member ${config.id} can start with these settings`;
}

/** Checks the rules of the start and the files that the settings name. @throws ConfigError */
export function checkStartFiles(config: ApplianceConfig): void {
  checkStartRules(config);
  readToken(config.admin.tokenFile);
  const { key, cert, ca } = config.tls;
  if (key === '') return;
  const pem = { key: readPem(key), cert: readPem(cert), ca: readPem(ca) };
  try {
    createSecureContext(pem);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(
      `tls: the files ${key}, ${cert} and ${ca} are not a key, its certificate and an authority in PEM: ${reason}`,
      { cause },
    );
  }
}
