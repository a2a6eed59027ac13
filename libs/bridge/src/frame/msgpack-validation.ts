import { FrameError } from '@mqtt-cluster/contracts';
import { frameDepthMax } from '../bounds.ts';

/**
 * Walks MessagePack bytes without building anything, so that a decoder can't be made to allocate more than
 * the frame holds, to recurse without end, or to build anything but plain data: extensions (but `undefined`)
 * are refused.
 *
 * @throws FrameError the bytes are not exactly one plain value
 */
export function checkMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  /** How many values the open containers still lack, innermost last. */
  const missing: number[] = [];
  do {
    if (position >= bytes.length) throw new FrameError('a frame ends in the middle of a value');
    const { skip, children } = valueAt(view, position);
    position += skip;
    if (position > bytes.length) throw new FrameError('a frame ends in the middle of a value');
    // Every child takes a byte at least, so a count beyond the rest is a lie.
    if (children > bytes.length - position) throw new FrameError('a frame counts more values than it holds');
    if (missing.length > 0) missing[missing.length - 1]! -= 1;
    if (children > 0) missing.push(children);
    if (missing.length > frameDepthMax) throw new FrameError('the values of a frame nest too deeply');
    while (missing.length > 0 && missing[missing.length - 1] === 0) missing.pop();
  } while (missing.length > 0);
  if (position !== bytes.length) throw new FrameError('a frame has bytes after its end');
}

interface ValueLayout {
  /** Bytes of the value without its children. */
  readonly skip: number;
  readonly children: number;
}

const leaf = (skip: number): ValueLayout => ({ skip, children: 0 });
const singleByte = leaf(1);

/** MessagePack specification, "formats". Reads beyond the end are refused by the view with a RangeError. */
function valueAt(view: DataView, position: number): ValueLayout {
  const format = view.getUint8(position);
  if (format <= 0x7f || format >= 0xe0) return singleByte;
  if (format <= 0x8f) return { skip: 1, children: (format & 0x0f) * 2 };
  if (format <= 0x9f) return { skip: 1, children: format & 0x0f };
  if (format <= 0xbf) return leaf(1 + (format & 0x1f));
  try {
    return longValueAt(view, position, format);
  } catch (cause) {
    if (cause instanceof FrameError) throw cause;
    throw new FrameError('a frame ends in the middle of a value', { cause });
  }
}

function longValueAt(view: DataView, position: number, format: number): ValueLayout {
  switch (format) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return singleByte;
    case 0xc4:
    case 0xd9:
      return leaf(2 + view.getUint8(position + 1));
    case 0xc5:
    case 0xda:
      return leaf(3 + view.getUint16(position + 1));
    case 0xc6:
    case 0xdb:
      return leaf(5 + view.getUint32(position + 1));
    case 0xcc:
    case 0xd0:
      return leaf(2);
    case 0xcd:
    case 0xd1:
      return leaf(3);
    case 0xca:
    case 0xce:
    case 0xd2:
      return leaf(5);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return leaf(9);
    case 0xdc:
      return { skip: 3, children: view.getUint16(position + 1) };
    case 0xdd:
      return { skip: 5, children: view.getUint32(position + 1) };
    case 0xde:
      return { skip: 3, children: view.getUint16(position + 1) * 2 };
    case 0xdf:
      return { skip: 5, children: view.getUint32(position + 1) * 2 };
    case 0xd4:
      // msgpackr's `undefined`: fixext 1 of type 0, data 0.
      if (view.getUint8(position + 1) === 0 && view.getUint8(position + 2) === 0) return leaf(3);
      throw new FrameError('a frame holds an extension');
    default:
      throw new FrameError('a frame holds an extension');
  }
}
