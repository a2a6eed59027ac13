import { fileURLToPath } from 'node:url';
import { bytesOf, goldenFiles, readableOf } from '@mqtt-cluster/contracts/testing';
import { decodeFrame, encodeFrame, frameVersion } from '../src/frame/frame.ts';
import { samples } from './golden/samples.ts';

const versionOffset = 2;
const recordings = goldenFiles(fileURLToPath(new URL('golden', import.meta.url)), 'frames.json');
const cases = recordings.flatMap(({ recording, cases: recorded }) =>
  recorded.map(({ name, bytes, value }) => ({ recording, name, frame: bytesOf(bytes), value })),
);

describe('frames that earlier versions recorded', () => {
  test.each(cases)('$recording: decodes "$name" to the recorded messages', ({ frame, value }) => {
    expect(readableOf(decodeFrame(frame))).toEqual(value);
  });

  test.each(cases.filter(({ frame }) => frame[versionOffset] === frameVersion))(
    '$recording: encodes "$name" to the recorded bytes',
    ({ frame }) => {
      expect(Buffer.from(encodeFrame(decodeFrame(frame))).toString('hex')).toBe(
        Buffer.from(frame).toString('hex'),
      );
    },
  );

  test.each([...samples])('the sample "%s" has a recorded frame', (name, sample) => {
    const recorded = cases.filter((one) => one.name === name).map(({ value }) => value);
    // To record a missing frame: node scripts/record-golden.mjs bridge NAME (see golden/README.md).
    expect(recorded).toContainEqual(readableOf([sample]));
  });
});
