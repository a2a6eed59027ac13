import type { Arguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { brokersTarget } from './brokers.ts';
import { LabTarget } from './lab.ts';
import type { Target } from './target.ts';

/** @throws UsageError when the programs it needs are not installed */
export function makeTarget({ target, brokers, members, overrides }: Arguments, folder: string): Target {
  switch (target) {
    case 'lab':
      return new LabTarget({ members, folder, overrides });
    case 'brokers':
      return brokersTarget(brokers);
    default:
      throw new UsageError(`${target} is not installed`);
  }
}
