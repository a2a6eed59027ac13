/** `npm run api:document`: writes the OpenAPI document of libs/api, and the TypeScript types of its clients. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
if (process.argv.includes('--help')) {
  process.stdout.write('npm run api:document: writes libs/api/generated and libs/api/src/generated\n');
  process.exit(0);
}
const { outputFiles } = await build({
  absWorkingDir: root,
  entryPoints: ['libs/api/src/generate.ts'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  // Only this package is loaded from node_modules: it is large, and reads files of its own.
  external: ['openapi-typescript'],
  write: false,
  logLevel: 'error',
});
const program = new URL('../libs/api/node_modules/.generate.mjs', import.meta.url);
mkdirSync(new URL('.', program), { recursive: true });
writeFileSync(program, outputFiles[0].contents);
const { generatedFiles } = await import(program);
rmSync(program);
for (const [path, text] of Object.entries(await generatedFiles())) {
  const file = new URL(`../libs/api/${path}`, import.meta.url);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`libs/api/${path} written\n`);
}
