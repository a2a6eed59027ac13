import { counter, gauge, peers } from './define.ts';

const directions = ['sent', 'received'] as const;

/** The links to the other members. */
export const bridgeMetrics = {
  up: gauge('bridge_up', {
    unit: 'none',
    help: '1 while both connections to a peer are up.',
    values: { peer: peers },
  }),
  bytes: counter('bridge_bytes_total', {
    unit: 'bytes',
    help: 'Bytes of frames handed to the connections to a peer, and that came from it.',
    values: { peer: peers, direction: directions },
  }),
  frames: counter('bridge_frames_total', {
    unit: 'frames',
    help: 'Frames handed to the connections to a peer, and good ones that came from it.',
    values: { peer: peers, direction: directions },
    purpose: 'debugging',
  }),
  framesRefused: counter('bridge_refused_frames_total', {
    unit: 'frames',
    help: 'Frames of a peer that were wrong in any way.',
    values: { peer: peers },
  }),
  connects: counter('bridge_connects_total', {
    unit: 'connections',
    help: 'Connections made to a peer; there are two while the link is up.',
    values: { peer: peers },
  }),
  dropped: counter('bridge_dropped_messages_total', {
    unit: 'messages',
    help:
      'Messages between members not sent because the peer was slow or not connected, by channel. What is on raft ' +
      'and log is sent again later; live is QoS 0 and lost to the clients there.',
    values: { peer: peers, channel: ['raft', 'log', 'live'] },
  }),
  backlogBytes: gauge('bridge_backlog_bytes', {
    unit: 'bytes',
    help: 'Bytes waiting to be sent to a peer.',
    values: { peer: peers },
  }),
  backlogBytesMax: gauge('bridge_backlog_bytes_max', {
    unit: 'bytes',
    help: 'Bounds of bridge_backlog_bytes: beyond the one of its channel a message is dropped.',
    values: { channel: ['raft', 'log', 'live'] },
  }),
  roundTripSeconds: gauge('bridge_round_trip_seconds', {
    unit: 'seconds',
    help: 'Last round trip to a peer.',
    values: { peer: peers },
  }),
} as const;
