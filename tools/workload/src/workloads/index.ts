import { churn } from './churn.ts';
import { expiry } from './expiry.ts';
import { exactLink, link } from './link.ts';
import { quiet } from './quiet.ts';
import { retained } from './retained.ts';
import { roaming } from './roaming.ts';
import { shared } from './shared.ts';
import type { Workload } from './client-spec.ts';
import { steady } from './steady.ts';
import { stream } from './stream.ts';
import { takeover } from './takeover.ts';
import { wills } from './wills.ts';

/** All workloads by name. */
export const workloads = {
  steady,
  stream,
  roaming,
  takeover,
  retained,
  wills,
  shared,
  churn,
  expiry,
  quiet,
  link,
  exactLink,
} as const satisfies Readonly<Record<string, Workload>>;

export type WorkloadName = keyof typeof workloads;

/** Share of each workload in the rate. A workload without a share does not run. */
export type Shares = Readonly<Partial<Record<WorkloadName, number>>>;
