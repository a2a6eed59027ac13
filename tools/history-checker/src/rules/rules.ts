import type { Rule } from './rule.ts';
import { acrossLink } from './across-link.ts';
import { ackTakenBack } from './ack-taken-back.ts';
import { ackedButLost } from './acked-but-lost.ts';
import { clusterTime } from './cluster-time.ts';
import { crash } from './crash.ts';
import { messageExpiry } from './message-expiry.ts';
import { order } from './order.ts';
import { phantom } from './phantom.ts';
import { qos0Duplicate } from './qos0-duplicate.ts';
import { qos0Lost } from './qos0-lost.ts';
import { qos2Duplicate } from './qos2-duplicate.ts';
import { receiveMaximum } from './receive-maximum.ts';
import { retained } from './retained.ts';
import { served } from './served.ts';
import { sessionLost } from './session-lost.ts';
import { sharedOnce } from './shared-once.ts';
import { twoConnections } from './two-connections.ts';
import { will } from './will.ts';

export const rules: readonly Rule[] = [
  ackedButLost,
  qos2Duplicate,
  order,
  sessionLost,
  retained,
  will,
  twoConnections,
  ackTakenBack,
  phantom,
  served,
  qos0Lost,
  qos0Duplicate,
  messageExpiry,
  clusterTime,
  receiveMaximum,
  sharedOnce,
  acrossLink,
  crash,
];
