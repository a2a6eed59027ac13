/** For the tests of other packages that start whole members in their own process. */
export { configSchema } from '../config.ts';
export { Appliance } from '../node/appliance.ts';
