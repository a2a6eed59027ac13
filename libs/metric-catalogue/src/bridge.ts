import { counter, gauge, oneForEachPeer } from './define.ts';

const directions = ['sent', 'received'] as const;

/** Metrics of the links to the other members. */
export const bridgeMetrics = {
  up: gauge('bridge_up', {
    unit: 'none',
    help: '1 while both connections to a peer are up.',
    values: { peer: oneForEachPeer },
  }),
  bytes: counter('bridge_bytes_total', {
    unit: 'bytes',
    help: 'Bytes of frames passed to the connections to a peer, and received from it.',
    values: { peer: oneForEachPeer, direction: directions },
  }),
  frames: counter('bridge_frames_total', {
    unit: 'frames',
    help: 'Frames passed to the connections to a peer, and valid frames received from it.',
    values: { peer: oneForEachPeer, direction: directions },
    purpose: 'debugging',
  }),
  framesRefused: counter('bridge_refused_frames_total', {
    unit: 'frames',
    help: 'Frames from a peer that the member rejected as invalid.',
    values: { peer: oneForEachPeer },
  }),
  connects: counter('bridge_connects_total', {
    unit: 'connections',
    help: 'Connections made to a peer. An intact link has two.',
    values: { peer: oneForEachPeer },
  }),
  dropped: counter('bridge_dropped_messages_total', {
    unit: 'messages',
    help:
      'Messages between members that were not sent because the peer was slow or not connected, by ' +
      'channel. Messages of raft and log are sent again later. Messages of live are QoS 0: the clients ' +
      'of that peer lose them.',
    values: { peer: oneForEachPeer, channel: ['raft', 'log', 'live'] },
  }),
  backlogBytes: gauge('bridge_backlog_bytes', {
    unit: 'bytes',
    help: 'Bytes that wait to be sent to a peer.',
    values: { peer: oneForEachPeer },
  }),
  backlogBytesMax: gauge('bridge_backlog_bytes_max', {
    unit: 'bytes',
    help: 'Bounds of bridge_backlog_bytes, by channel. Beyond its bound a channel drops messages.',
    values: { channel: ['raft', 'log', 'live'] },
  }),
  connectionsRefused: counter('bridge_refused_connections_total', {
    unit: 'connections',
    help:
      'Connections to the cluster port that were closed before they were accepted as a peer. rejected: CONNECT was no ' +
      'valid CONNECT of a peer. certificate, handshake: no certificate of this cluster. timeout: no CONNECT in time. ' +
      'displaced: too many unauthenticated connections, the oldest was closed. rate: a network without a peer opens ' +
      'connections too fast.',
    values: { reason: ['rejected', 'certificate', 'handshake', 'timeout', 'displaced', 'rate'] },
  }),
  roundTripSeconds: gauge('bridge_round_trip_seconds', {
    unit: 'seconds',
    help: 'Last measured round trip to a peer.',
    values: { peer: oneForEachPeer },
  }),
} as const;
