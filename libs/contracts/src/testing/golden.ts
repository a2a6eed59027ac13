import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/**
 * Golden bytes: encoded values that an earlier version of the code recorded and that every later version must
 * decode to the same values. The folder `test/golden` of a package holds one folder for each recording.
 */

/** A type with every optional field required, at every depth: a sample of this type leaves no field out. */
export type Complete<T> = T extends Uint8Array | string | number | boolean | null
  ? T
  : { readonly [Key in keyof T]-?: Complete<T[Key]> };

/** One encoded value. */
const goldenCaseSchema = z.object({
  name: z.string(),
  /** The encoded bytes in hexadecimal. */
  bytes: z.string(),
  /** The decoded value, as {@link readableOf} writes it. */
  value: z.unknown(),
});
export type GoldenCase = z.output<typeof goldenCaseSchema>;

const goldenFileSchema = z.object({ cases: z.array(goldenCaseSchema) });

/** One file of one recording. */
export interface GoldenFile {
  /** Name of the recording: the folder below `test/golden`. */
  readonly recording: string;
  /** Path of the recording's folder. */
  readonly folder: string;
  readonly cases: readonly GoldenCase[];
}

/** Returns a value as plain JSON data: bytes become `{ "hex": "..." }`, and absent fields are left out. */
export function readableOf(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key: string, serialized: unknown) {
      // A Buffer has a toJSON method of its own, so the original value is read from its holder.
      const original = this[key];
      return original instanceof Uint8Array ? { hex: hexOf(original) } : serialized;
    }),
  );
}

/** Decodes hexadecimal digits to a plain Uint8Array. */
export function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

/** Reads the file `name` of every recording in the folder `golden`, in the order of the recordings' names. */
export function goldenFiles(golden: string, name: string): GoldenFile[] {
  return readdirSync(golden, { withFileTypes: true })
    .filter((item) => item.isDirectory() && existsSync(join(golden, item.name, name)))
    .map((item) => item.name)
    .sort()
    .map((recording) => {
      const folder = join(golden, recording);
      const { cases } = goldenFileSchema.parse(JSON.parse(readFileSync(join(folder, name), 'utf8')));
      return { recording, folder, cases };
    });
}

/** Returns the case of one sample for a golden file: name, bytes and readable value. */
export function goldenCase(name: string, bytes: Uint8Array, value: unknown): GoldenCase {
  return { name, bytes: hexOf(bytes), value: readableOf(value) };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}
