import type { ApplianceBuild } from '@mqtt-cluster/lab';
import type { Arguments } from '../arguments.ts';
import { brokersTarget } from './brokers.ts';
import { LabTarget } from './lab.ts';
import { mosquitto } from './mosquitto.ts';
import { nats } from './nats.ts';
import { ProcessTarget } from './process-target.ts';
import { rabbitmq } from './rabbitmq.ts';
import type { Target } from './target.ts';

/**
 * Creates the target that the command line selects.
 * @param earlier the build of the commit of `--from`; null without `--from`
 * @throws UsageError when a program of the target is not installed
 */
export function makeTarget(
  { target, brokers, members, overrides, secure }: Arguments,
  folder: string,
  earlier: ApplianceBuild | null,
): Target {
  switch (target) {
    case 'lab':
      return new LabTarget({ members, folder, overrides, secure, earlier });
    case 'brokers':
      return brokersTarget(brokers);
    case 'mosquitto':
      return new ProcessTarget(mosquitto(), folder, members);
    case 'nats':
      return new ProcessTarget(nats(), folder, members);
    case 'rabbitmq':
      return new ProcessTarget(rabbitmq(), folder, members);
  }
}
