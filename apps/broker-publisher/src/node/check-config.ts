import { ConfigError, silentLogger } from '@mqtt-cluster/contracts';
import { WatchedFiles } from '@mqtt-cluster/runtime';
import type { PemFile } from '@mqtt-cluster/runtime';
import { watchAclFile } from '../access/acl-file.ts';
import { readToken } from '../admin/authorization.ts';
import { checkAuthentication } from '../authentication/client-authentication.ts';
import { openPublisherAccess } from '../authentication/publisher-credentials.ts';
import { readConfig, readPem } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { clientListeners } from '../listeners/client-listeners.ts';
import {
  memberTlsPaths,
  parseListenerTls,
  parseMemberTls,
  tlsPaths,
  usesTls,
} from '../listeners/listener-tls.ts';
import { openHttpTls } from './http-tls.ts';
import { sharedAuthorities } from './shared-authorities.ts';
import { checkStartRules, openDoors } from './start-rules.ts';
import type { OpenDoor } from './start-rules.ts';

/**
 * Checks everything that the start of this program would check before it opens the store and the ports: the
 * settings, the rules of the start and the files. The check changes nothing and may run beside a running member.
 * The playbooks run it with the new image before they stop the first member of a cluster.
 *
 * @returns a sentence for the operator, and a line with `warning:` for each setting that lets strangers in
 * @throws ConfigError the program would not start; the message is one line
 */
export async function checkConfig(directory: string): Promise<string> {
  const config = readConfig(directory);
  checkStartFiles(config);
  const files = new WatchedFiles({ logger: silentLogger });
  try {
    await checkAuthentication({ config, files, logger: silentLogger });
    await openHttpTls(config, files);
    await openPublisherAccess(config, files);
    await watchAclFile(config.mqtt.aclFile, files);
  } finally {
    files.stop();
  }
  const warnings = doorsOf(config).map(({ fields, text }) => {
    const place = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
    return `warning: ${place.join(', ')}: ${text}`;
  });
  return [`the member ${config.id} can start with these settings`, ...warnings].join('\n');
}

/** Returns everything that lets strangers in. The files must have been checked. */
export function doorsOf(config: ApplianceConfig): readonly OpenDoor[] {
  return [...openDoors(config), ...sharedAuthorities(config)];
}

/** Checks the rules of the start and the files that the settings name. @throws ConfigError */
export function checkStartFiles(config: ApplianceConfig): void {
  checkStartRules(config);
  readToken(config.admin.tokenFile);
  if (config.tls.key !== '') {
    const files = memberTlsPaths(config.tls).map(pemFile);
    checkFiles('tls', () => parseMemberTls(files));
  }
  for (const listener of clientListeners(config).filter(usesTls)) {
    const files = tlsPaths(listener).map(pemFile);
    checkFiles(`${listener.setting}.tls`, () => parseListenerTls(listener, files));
  }
}

function pemFile(path: string): PemFile {
  return { path, text: readPem(path) };
}

function checkFiles(setting: string, check: () => void): void {
  try {
    check();
  } catch (cause) {
    throw new ConfigError(`${setting}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
