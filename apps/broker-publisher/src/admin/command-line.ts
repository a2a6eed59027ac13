import { isIP } from 'node:net';
import { CommandError, environmentVariables, runProcess } from '@mqtt-cluster/command-line';
import type { MemberHost } from '@mqtt-cluster/command-line';
import { ClusterError } from '@mqtt-cluster/contracts';
import { allAddresses, readConfig } from '../config.ts';
import type { ApplianceConfig } from '../config.ts';
import { trustsLoopback } from '../listeners/client-listeners.ts';

/** Name of the program in its help and its messages. */
export const adminName = 'broker-publisher admin';

/**
 * Runs `broker-publisher admin`: the command line `mqtt-cluster`, with the member of this host as the default server, and
 * with the commands that need files of this host.
 *
 * @param argv the arguments that follow `admin`
 */
export function runAdmin(argv: readonly string[], version: string, configDirectory: string): Promise<void> {
  return runProcess({ argv, version, name: adminName, host: memberHost(configDirectory) });
}

/** Returns what the command line can do on the host of a member. */
export function memberHost(configDirectory: string): MemberHost {
  return {
    connection: () => {
      const config = read(configDirectory);
      return { server: addressOf(config), tokenFile: config.admin.tokenFile || null };
    },
    restore: async ({ file, data, id, progress }) => {
      const config = data === undefined || id === undefined ? read(configDirectory) : null;
      // Other commands need neither the store nor the replicated state.
      const { restore } = await import('./restore.ts');
      try {
        await restore({ file, directory: data ?? config!.data, id: id ?? config!.id, progress });
      } catch (error) {
        throw commandErrorOf(error);
      }
    },
  };
}

function read(directory: string): ApplianceConfig {
  try {
    return readConfig(directory, environmentVariables);
  } catch (error) {
    throw commandErrorOf(error);
  }
}

/** Returns the error of this project as an error of the command line. Throws any other error. */
function commandErrorOf(error: unknown): CommandError {
  if (!(error instanceof ClusterError)) throw error;
  return new CommandError(error.message, { cause: error });
}

function addressOf(config: ApplianceConfig): string {
  const { host, http } = config;
  const scheme = http.tls.key === '' || (http.plain && trustsLoopback(config)) ? 'http' : 'https';
  const listensOnIpv4 = host === allAddresses || host === '0.0.0.0';
  const reachable = listensOnIpv4 ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${scheme}://${isIP(reachable) === 6 ? `[${reachable}]` : reachable}:${http.port}`;
}
