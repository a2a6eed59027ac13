import { crc32 } from 'node:zlib';
import { FrameError, isPeerMessageList } from '@mqtt-cluster/contracts';
import type { PeerMessage } from '@mqtt-cluster/contracts';
import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr';
import { frameBodyBytesTarget, frameBytesMax } from '../bounds.ts';
import { validateMsgpack } from './msgpack-validation.ts';

/**
 * A frame is one MQTT payload:
 *
 *     0  2  magic 'MB'
 *     2  1  format version
 *     3  1  flags, none yet
 *     4  4  CRC-32 of the body, big endian
 *     8     body: MessagePack array of peer messages
 */
export const frameVersion = 1;

const headerBytes = 8;
const magic = 0x4d42;
/** Approximate bytes of a message without its payloads. Used only to decide where a frame ends. */
const messageOverheadBytes = 160;
const entryOverheadBytes = 48;

// The encoder writes maps, not msgpackr's records, because each frame must be self-contained and the receiver
// checks the keys by name.
const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });

/** Encodes the messages as one frame. */
export function encodeFrame(messages: readonly PeerMessage[]): Uint8Array {
  // The lowest eight bits of the option reserve bytes before the body.
  const bytes: Uint8Array = packr.pack(messages, RESERVE_START_SPACE | headerBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setUint16(0, magic);
  view.setUint8(2, frameVersion);
  view.setUint8(3, 0);
  view.setUint32(4, crc32(bytes.subarray(headerBytes)));
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Encodes the messages, in order, as few frames of about {@link frameBodyBytesTarget} bytes. */
export function encodeFrames(messages: readonly PeerMessage[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let from = 0;
  let bytes = 0;
  for (const [index, message] of messages.entries()) {
    const size = approximateBytes(message);
    if (index > from && bytes + size > frameBodyBytesTarget) {
      frames.push(encodeFrame(messages.slice(from, index)));
      from = index;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < messages.length) frames.push(encodeFrame(from === 0 ? messages : messages.slice(from)));
  return frames;
}

/**
 * Decodes a frame. The byte arrays of the messages are views into `frame`; copy a byte array that must
 * outlive `frame`.
 *
 * @throws FrameError when the header, the checksum, the encoding or a message is invalid
 */
export function decodeFrame(frame: Uint8Array): PeerMessage[] {
  if (frame.length > frameBytesMax) throw new FrameError(`a frame of ${frame.length} bytes is too long`);
  if (frame.length <= headerBytes) throw new FrameError(`a frame of ${frame.length} bytes is too short`);
  // Convert a Buffer to a plain Uint8Array view, so that the decoded byte arrays are plain views as well.
  const bytes = new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== magic) throw new FrameError('the payload is not a frame of a bridge');
  const version = view.getUint8(2);
  if (version !== frameVersion)
    throw new FrameError(`frame version ${version} is not supported, this member supports ${frameVersion}`);
  if (view.getUint8(3) !== 0) throw new FrameError(`frame flags ${view.getUint8(3)} are unknown`);
  const body = bytes.subarray(headerBytes);
  if (view.getUint32(4) !== crc32(body)) throw new FrameError('the checksum of a frame is wrong');
  return decodeBody(body);
}

function decodeBody(body: Uint8Array): PeerMessage[] {
  validateMsgpack(body);
  let value: unknown;
  try {
    value = unpackr.unpack(body);
  } catch (cause) {
    throw new FrameError('the body of a frame cannot be decoded', { cause });
  }
  if (!isPeerMessageList(value)) throw new FrameError('a frame contains an invalid peer message');
  return value;
}

function approximateBytes(message: PeerMessage): number {
  switch (message.type) {
    case 'relay':
      return approximateBytes(message.message);
    case 'propose':
      return message.batches.reduce(
        (sum, batch) => sum + batch.length + entryOverheadBytes,
        messageOverheadBytes,
      );
    case 'live':
      return message.messages.reduce(
        (sum, { topic, payload }) => sum + topic.length + payload.length + entryOverheadBytes,
        messageOverheadBytes,
      );
    case 'interest':
      return [...message.add, ...message.remove].reduce(
        (sum, filter) => sum + filter.length + 5,
        messageOverheadBytes,
      );
    case 'hello':
    case 'adminAnswer':
      return messageOverheadBytes * 8;
    case 'query':
    case 'queryAnswer':
      return messageOverheadBytes + message.body.length;
    case 'admin':
    case 'interestAnswer':
      return messageOverheadBytes;
    case 'raft':
      return approximateRaftBytes(message.message);
  }
}

function approximateRaftBytes(message: Extract<PeerMessage, { type: 'raft' }>['message']): number {
  if (message.type === 'snapshotPiece') return messageOverheadBytes * 4 + message.data.length;
  if (message.type !== 'appendRequest') return messageOverheadBytes;
  return message.entries.reduce(
    (sum, entry) => sum + entry.data.length + entryOverheadBytes,
    messageOverheadBytes,
  );
}
