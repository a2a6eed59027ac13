import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../errors.ts';

/** Where the bundles are: this file's own folder once it is part of `dist/lab.mjs`. */
const distFolder = fileURLToPath(new URL('.', import.meta.url));

/**
 * The bundle of an app. `MQTT_LAB_APPLIANCE` and `MQTT_LAB_CLIENT` name another program to start instead, such as the
 * fake appliance of the lab's own tests. @throws LabError when there is none.
 */
export function scriptOf(app: 'broker-publisher' | 'client', needed = true): string {
  const other = process.env[app === 'client' ? 'MQTT_LAB_CLIENT' : 'MQTT_LAB_APPLIANCE'];
  const path = other ?? join(distFolder, `${app}.mjs`);
  if (needed && !existsSync(path)) throw new LabError(`${path} is missing; "npm run build" makes it`);
  return path;
}
