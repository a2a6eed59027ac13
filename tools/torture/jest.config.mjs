import preset from '../../jest.preset.mjs';

/** A bound against hanging; on a machine with much else to do, files of 60,000 lines take their time. */
const testMsMax = 60_000;

export default { ...preset, testTimeout: testMsMax };
