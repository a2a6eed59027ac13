import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJson } from '@mqtt-cluster/contracts';
import { z } from 'zod';

const recordingSchema = z.object({ cases: z.array(z.object({ bytes: z.string() })) });

/**
 * Returns the bytes of all golden recordings of one kind: valid inputs in every version of the format.
 *
 * @param root folder of the repository
 * @throws Error when there is no recording
 */
export function goldenCorpus(root: string, library: string, file: string): Buffer[] {
  const golden = join(root, 'libs', library, 'test/golden');
  const inputs = readdirSync(golden, { withFileTypes: true })
    .filter((item) => item.isDirectory())
    .flatMap(({ name }) => {
      const recording = parseJson(recordingSchema, readFileSync(join(golden, name, file)));
      if (recording === undefined) throw new Error(`${join(golden, name, file)} is not a golden recording`);
      return recording.cases.map(({ bytes }) => Buffer.from(bytes, 'hex'));
    });
  if (inputs.length === 0) throw new Error(`${golden} contains no recording ${file}`);
  return inputs;
}
