import { parseAclFile } from '@mqtt-cluster/access';
import { decodeText } from '@mqtt-cluster/contracts';
import type { AccessRule } from '@mqtt-cluster/contracts';
import type { WatchedFile, WatchedFiles } from '@mqtt-cluster/runtime';

/** The rules of the ACL file, which change with the file. */
export type AclFile = WatchedFile<readonly AccessRule[]>;

/**
 * Watches the ACL file of the setting `mqtt.aclFile`.
 *
 * @returns null without an ACL file
 * @throws ConfigError with the file and the line: the file cannot be read, or is broken
 */
export async function watchAclFile(
  path: string,
  files: Pick<WatchedFiles, 'watch'>,
): Promise<AclFile | null> {
  if (path === '') return null;
  return files.watch({
    setting: 'mqtt.aclFile',
    paths: [path],
    parse: ([file]) => parseAclFile(decodeText(file!.bytes)),
  });
}
