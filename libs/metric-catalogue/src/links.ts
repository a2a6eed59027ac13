import { counter, gauge, qosLevels } from './define.ts';

const links = { oneFor: 'each link of the cluster to another broker' } as const;
const runner = 'Only the member that runs the link counts.';

/** Why a link did not deliver a message. */
export const linkDropReasons = [
  'refused',
  'too_large',
  'offline',
  'slow',
  'loop',
  'unmapped',
  'queue',
  'lost',
  'quota',
  'expired',
] as const;
export type LinkDropReason = (typeof linkDropReasons)[number];

/** Metrics of the links to other brokers. */
export const linkMetrics = {
  running: gauge('link_running', {
    unit: 'none',
    help: '1 while this member runs the link, 0 while another member or no member runs it.',
    values: { link: links },
  }),
  enabled: gauge('link_enabled', {
    unit: 'none',
    help: '1 while the cluster has the link and no operator has paused it. The same at all members.',
    values: { link: links },
  }),
  connected: gauge('link_connected', {
    unit: 'none',
    help: '1 while this member runs the link and is connected to the other broker.',
    values: { link: links },
  }),
  lagMessages: gauge('link_lag_messages', {
    unit: 'messages',
    help: 'Messages in the queue of the link, which the other broker has not acknowledged yet. The same at all members.',
    values: { link: links },
  }),
  lagSeconds: gauge('link_lag_seconds', {
    unit: 'seconds',
    help: 'Time since the oldest message that is on its way to the other broker left the queue of the cluster.',
    values: { link: links },
  }),
  sent: counter('link_sent_total', {
    unit: 'messages',
    help: `Messages that the other broker has acknowledged, and written messages of QoS 0. ${runner}`,
    values: { link: links, qos: qosLevels },
  }),
  received: counter('link_received_total', {
    unit: 'messages',
    help: `Messages of the other broker that the cluster has committed, and those of QoS 0. ${runner}`,
    values: { link: links, qos: qosLevels },
  }),
  dropped: counter('link_dropped_total', {
    unit: 'messages',
    help:
      'Messages that the link did not pass on, by reason. refused: rejected by the other broker. too_large: above the ' +
      'bound of the link, of the other broker or of the members. offline: QoS 0 without a connection. slow: QoS 0 while the ' +
      'connection was full, or beyond the rate of the link. loop: the message has passed too many links. unmapped: no rule ' +
      'matches. queue: the queue of the link was at its bound, or the message expired in it; the home of its session counts, or ' +
      'the leader while no member runs the link. lost: the other ' +
      'broker lost its session, and perhaps the QoS 2 message with it. quota: the bounds of the cluster refused the message ' +
      'of the other broker. expired: the Message Expiry Interval has passed while the message waited in the link.',
    values: {
      link: links,
      reason: linkDropReasons,
    },
  }),
  reconnects: counter('link_reconnects_total', {
    unit: 'events',
    help: `Connections to the other broker after the first one. ${runner}`,
    values: { link: links },
  }),
  possibleDuplicates: counter('link_possible_duplicates_total', {
    unit: 'messages',
    help:
      'Messages that were sent again although the other end may have them: QoS 2 messages after the other broker had lost ' +
      `its session, and messages that a stream of JetStream may have stored before its duplicate window. ${runner}`,
    values: { link: links },
  }),
  keptAside: counter('link_kept_aside_total', {
    unit: 'messages',
    help:
      'Messages that the other end did not accept, and of which the cluster has a copy below the topic `keptAside` of the ' +
      `link. They also count as dropped. ${runner}`,
    values: { link: links },
  }),
} as const;
