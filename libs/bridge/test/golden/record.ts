import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { goldenCase } from '@mqtt-cluster/contracts/testing';
import { encodeFrame } from '../../src/frame/frame.ts';
import { samples } from './samples.ts';

// Run by `node scripts/record-golden.mjs bridge NAME`; the argument is the folder of the new recording.
const [folder = '.'] = process.argv.slice(2);
const cases = [...samples].map(([name, sample]) => goldenCase(name, encodeFrame([sample]), [sample]));
writeFileSync(join(folder, 'frames.json'), `${JSON.stringify({ cases }, null, 2)}\n`);
