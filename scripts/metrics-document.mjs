/** `npm run metrics:document`: writes docs/METRICS.md from the metric catalogue in libs/metric-catalogue. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
if (process.argv.includes('--help')) {
  process.stdout.write('npm run metrics:document: writes docs/METRICS.md from libs/metric-catalogue\n');
  process.exit(0);
}
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['libs/metric-catalogue/src/document.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
  logLevel: 'error',
});
const code = Buffer.from(outputFiles[0].contents).toString('base64');
const { metricsDocument } = await import(`data:text/javascript;base64,${code}`);
writeFileSync(new URL('../docs/METRICS.md', import.meta.url), metricsDocument());
process.stdout.write('docs/METRICS.md written\n');
