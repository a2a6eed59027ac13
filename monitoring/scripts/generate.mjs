/** `npm run generate -w @mqtt-cluster/monitoring`: writes grafana/dashboards/*.json from grafana/src. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const project = fileURLToPath(new URL('..', import.meta.url));
const bundle = join(project, '..', 'dist', 'monitoring', 'generate.cjs');
try {
  await build({
    entryPoints: [join(project, 'grafana', 'src', 'main.ts')],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
  });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const { status } = spawnSync(process.execPath, [bundle, join(project, 'grafana', 'dashboards')], {
  stdio: 'inherit',
});
process.exit(status ?? 1);
