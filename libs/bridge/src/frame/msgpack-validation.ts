import { FrameError } from '@mqtt-cluster/contracts';
import { frameDepthMax } from '../bounds.ts';

/**
 * Validates MessagePack bytes without decoding them. The decoder can then neither allocate more memory than
 * the frame justifies, nor recurse without bound, nor create anything but plain data. Extensions are
 * rejected, except msgpackr's `undefined`.
 *
 * @throws FrameError if the bytes are not exactly one plain value
 */
export function validateMsgpack(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 0;
  /** Number of values still to read in each open container; the innermost container is last. */
  const missing: number[] = [];
  do {
    if (position >= bytes.length) throw new FrameError('a frame ends within a value');
    const { skip, children } = valueAt(view, position);
    position += skip;
    if (position > bytes.length) throw new FrameError('a frame ends within a value');
    // Each child takes at least one byte, so a larger count is invalid.
    if (children > bytes.length - position)
      throw new FrameError('a frame declares more values than it contains');
    if (missing.length > 0) missing[missing.length - 1]! -= 1;
    if (children > 0) missing.push(children);
    if (missing.length > frameDepthMax) throw new FrameError('the values of a frame are nested too deeply');
    while (missing.length > 0 && missing[missing.length - 1] === 0) missing.pop();
  } while (missing.length > 0);
  if (position !== bytes.length) throw new FrameError('bytes follow the end of a frame');
}

interface ValueLayout {
  /** Bytes of the value without its children. */
  readonly skip: number;
  readonly children: number;
}

const leaf = (skip: number): ValueLayout => ({ skip, children: 0 });
const singleByte = leaf(1);

/** See "Formats" in the MessagePack specification. The view throws a RangeError for a read beyond the end. */
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
    throw new FrameError('a frame ends within a value', { cause });
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
      throw new FrameError('a frame contains an extension');
    default:
      throw new FrameError('a frame contains an extension');
  }
}
