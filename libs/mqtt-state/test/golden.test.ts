import type { ClusterConfig } from '@mqtt-cluster/contracts';
import { bytesOf, goldenFiles, readableOf } from '@mqtt-cluster/contracts/testing';
import { fileURLToPath } from 'node:url';
import {
  createMqttState,
  decodeBatch,
  decodeMqttState,
  decodePublishes,
  encodeBatch,
  encodePublishes,
} from '../src/index.ts';
import { commandSamples, publishSamples } from './golden/samples.ts';
import { viewOf } from './golden/view.ts';

/** Batches, outbox items and states begin with one byte that names their format. */
const formatOf = (bytes: Uint8Array): number | undefined => bytes[0];
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function casesOf(file: string) {
  const golden = fileURLToPath(new URL('golden', import.meta.url));
  return goldenFiles(golden, file).flatMap(({ recording, cases }) =>
    cases.map(({ name, bytes, value }) => ({ recording, name, bytes: bytesOf(bytes), value })),
  );
}

describe('the codec of batches that earlier versions recorded', () => {
  const cases = casesOf('batches.json');
  const format = formatOf(
    encodeBatch({ member: '', storeId: '', incarnation: 1, sequence: 1, commands: [] }),
  );

  test.each(cases)('$recording: decodes "$name" to the recorded commands', ({ bytes, value }) => {
    expect(readableOf(decodeBatch(bytes))).toEqual(value);
  });

  test.each(cases.filter(({ bytes }) => formatOf(bytes) === format))(
    '$recording: encodes "$name" to the recorded bytes',
    ({ bytes }) => {
      expect(hexOf(encodeBatch(decodeBatch(bytes)))).toBe(hexOf(bytes));
    },
  );

  test.each([...commandSamples])('has a recorded batch for the sample "%s"', (name, commands) => {
    const recorded = cases.filter((one) => one.name === name).map(({ value }) => value);
    // If this fails, record the sample: node scripts/record-golden.mjs mqtt-state NAME (see
    // golden/README.md).
    expect(recorded).toContainEqual(expect.objectContaining({ commands: readableOf(commands) }));
  });
});

describe('the codec of outbox items that earlier versions recorded', () => {
  const cases = casesOf('publishes.json');

  test.each(cases)('$recording: decodes "$name" to the recorded messages', ({ bytes, value }) => {
    expect(readableOf(decodePublishes(bytes))).toEqual(value);
  });

  test.each(cases.filter(({ bytes }) => formatOf(bytes) === formatOf(encodePublishes([]))))(
    '$recording: encodes "$name" to the recorded bytes',
    ({ bytes }) => {
      expect(hexOf(encodePublishes(decodePublishes(bytes)))).toBe(hexOf(bytes));
    },
  );

  test.each([...publishSamples])('has a recorded outbox item for the sample "%s"', (name, publishes) => {
    const recorded = cases.filter((one) => one.name === name).map(({ value }) => value);
    expect(recorded).toContainEqual(readableOf(publishes));
  });
});

interface RecordedState {
  readonly digest: string;
  readonly content: unknown;
  readonly entries: readonly {
    readonly index: number;
    readonly timeMs: number;
    readonly batch: { readonly hex: string } | null;
    readonly config: ClusterConfig | null;
    readonly digest: string;
  }[];
}

describe('the codec of states that earlier versions recorded', () => {
  const cases = casesOf('states.json').map(({ value, ...rest }) => ({
    ...rest,
    value: value as RecordedState,
  }));
  const format = formatOf(createMqttState().encode());

  test.each(cases)('$recording: decodes the state of $name to the recorded content', ({ bytes, value }) => {
    // Later versions add fields to the content.
    expect(readableOf(viewOf(decodeMqttState(bytes)))).toMatchObject(value.content as object);
  });

  test.each(cases.filter(({ bytes }) => formatOf(bytes) === format))(
    '$recording: encodes the state of $name to the recorded bytes and digest',
    ({ bytes, value }) => {
      const state = decodeMqttState(bytes);
      expect(hexOf(state.encode())).toBe(hexOf(bytes));
      expect(state.digest()).toBe(value.digest);
    },
  );

  test.each(cases.filter(({ bytes }) => formatOf(bytes) === format))(
    '$recording: applies the recorded log of $name with the recorded digest after every entry',
    ({ bytes, value }) => {
      const state = createMqttState();
      for (const { index, timeMs, batch, config, digest } of value.entries) {
        if (config !== null) state.applyConfig(index, config);
        else state.apply(index, timeMs, batch && bytesOf(batch.hex));
        expect({ index, digest: state.digest() }).toEqual({ index, digest });
      }
      expect(hexOf(state.encode())).toBe(hexOf(bytes));
    },
  );
});
