/**
 * `npm run collection`: writes the roles and playbooks of `ansible/` as the collection `mqtt_cluster.deploy` to
 * `dist/collection/`. Links of the roles to the folder `monitoring` become copies of the files, and hyphens in the names of
 * playbooks become underscores. `--out FOLDER` names another folder.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const ansible = join(root, 'ansible');
const parts = ['galaxy.yml', 'README.md', 'requirements.yml', 'meta', 'playbooks', 'plugins', 'roles'];
const ignored = ['__pycache__'];

/** Replaces the hyphens in the names of the playbooks, because ansible finds only names without them in a collection. */
function namePlaybooks(folder) {
  for (const file of readdirSync(folder)) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8').replace(/(?<=import_playbook: ).*/g, (name) =>
      name.replaceAll('-', '_'),
    );
    writeFileSync(path, text);
    renameSync(path, join(folder, file.replaceAll('-', '_')));
  }
}

/** Builds the collection. @returns the path of its file */
function build(out) {
  const staged = mkdtempSync(join(tmpdir(), 'mqtt-cluster-collection-'));
  try {
    for (const part of parts) {
      const filter = (path) => !ignored.includes(basename(path));
      cpSync(join(ansible, part), join(staged, part), { recursive: true, dereference: true, filter });
    }
    namePlaybooks(join(staged, 'playbooks'));
    cpSync(join(root, 'LICENSE'), join(staged, 'LICENSE'));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    if (!readFileSync(join(staged, 'galaxy.yml'), 'utf8').includes(`\nversion: ${version}\n`))
      throw new Error(`ansible/galaxy.yml must have the version ${version} of package.json`);
    mkdirSync(out, { recursive: true });
    const args = ['collection', 'build', '--force', '--output-path', out, staged];
    execFileSync('ansible-galaxy', args, { cwd: staged, stdio: ['ignore', 'ignore', 'inherit'] });
    return join(out, `mqtt_cluster-deploy-${version}.tar.gz`);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { out: { type: 'string' } } });
const out = values.out === undefined ? join(root, 'dist', 'collection') : resolve(values.out);
process.stdout.write(`${build(out)}\n`);
