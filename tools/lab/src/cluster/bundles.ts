import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LabError } from '../errors.ts';

/** The folder of the bundles. At run time this file is part of `dist/lab.mjs`. */
const distFolder = fileURLToPath(new URL('.', import.meta.url));

/**
 * Returns the path of an application's bundle. The environment variables `MQTT_LAB_APPLIANCE` and `MQTT_LAB_CLIENT`
 * replace the bundle by the path of another program, such as the fake appliance of the lab's tests.
 *
 * @param required whether a missing bundle is an error
 * @throws LabError when a required bundle is missing
 */
export function bundleOf(app: 'broker-publisher' | 'client', required = true): string {
  const other = process.env[app === 'client' ? 'MQTT_LAB_CLIENT' : 'MQTT_LAB_APPLIANCE'];
  const path = other ?? join(distFolder, `${app}.mjs`);
  if (required && !existsSync(path)) throw new LabError(`${path} is missing; run "npm run build"`);
  return path;
}
