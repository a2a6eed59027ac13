import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { attemptCommand } from '@mqtt-cluster/kit';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the checks of the npm packages', () => {
  let project = '';
  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), 'supply-chain-'));
    mkdirSync(join(project, 'scripts'));
    mkdirSync(join(project, 'node_modules'));
  });
  afterEach(() => rmSync(project, { recursive: true, force: true }));

  describe('licences', () => {
    beforeEach(() => {
      copyFileSync(join(root, 'scripts/licences.mjs'), join(project, 'scripts/licences.mjs'));
      for (const name of [
        'spdx-satisfies',
        'spdx-compare',
        'spdx-expression-parse',
        'spdx-ranges',
        'array-find-index',
      ])
        symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
    });

    async function check(...packages: { name: string; license?: unknown; licenses?: unknown }[]) {
      const folders = packages.map(({ name }) => `node_modules/${name}`);
      const lock = { packages: Object.fromEntries(folders.map((folder) => [folder, {}])) };
      writeFileSync(join(project, 'package-lock.json'), JSON.stringify(lock));
      for (const each of packages) {
        mkdirSync(join(project, 'node_modules', each.name), { recursive: true });
        writeFileSync(join(project, 'node_modules', each.name, 'package.json'), JSON.stringify(each));
      }
      return attemptCommand('node', [join(project, 'scripts/licences.mjs')]);
    }

    it('accepts permissive licences in every form that package.json has', async () => {
      const { status, output } = await check(
        { name: 'a', license: 'MIT' },
        { name: 'b', license: { type: 'ISC' } },
        { name: 'c', licenses: [{ type: 'GPL-3.0-only' }, { type: 'Apache-2.0' }] },
        { name: 'd', license: '(MIT OR GPL-2.0-only)' },
      );
      expect(output).toBe('4 packages, 0 with a licence that is not accepted\n');
      expect(status).toBe(0);
    });

    it.each([
      ['GPL-3.0-only', 'x has the licence GPL-3.0-only, which is not in the list of permissive licences'],
      [
        'MIT AND GPL-2.0-only',
        'x has the licence MIT AND GPL-2.0-only, which is not in the list of permissive',
      ],
      ['SEE LICENSE IN FILE', 'x has the licence "SEE LICENSE IN FILE", which is not an SPDX expression'],
      [undefined, 'x states no licence'],
    ])('fails for a package with the licence %s', async (license, message) => {
      const { status, errorOutput } = await check({ name: 'a', license: 'MIT' }, { name: 'x', license });
      expect(errorOutput).toContain(message);
      expect(status).toBe(1);
    });

    it('fails if it finds no package', async () => {
      expect((await check()).status).toBe(1);
    });
  });

  describe('audit', () => {
    async function audit(printed: string) {
      copyFileSync(join(root, 'scripts/audit.mjs'), join(project, 'scripts/audit.mjs'));
      const npm = join(project, 'npm');
      writeFileSync(npm, `#!/bin/sh\ncat <<'END'\n${printed}\nEND\n`);
      chmodSync(npm, 0o755);
      const environment = { PATH: `${project}:${process.env.PATH}` };
      return attemptCommand(process.execPath, [join(project, 'scripts/audit.mjs')], { environment });
    }

    it('fails and names the package and the advisory of a vulnerability', async () => {
      const cause = { name: 'ws', severity: 'high', title: 'DoS', url: 'https://example.com/GHSA-1' };
      const vulnerabilities = { ws: { via: [cause] }, mqtt: { via: ['ws'] } };
      const { status, errorOutput } = await audit(JSON.stringify({ vulnerabilities }));
      expect(errorOutput).toBe('ws: high: DoS (https://example.com/GHSA-1)\n');
      expect(status).toBe(1);
    });

    it('passes without a vulnerability', async () => {
      expect((await audit('{"vulnerabilities":{}}')).status).toBe(0);
    });

    it.each(['{"message":"405 Method Not Allowed"}', 'garbage'])(
      'reports with an exit status of its own that the registry did not answer: %s',
      async (printed) => {
        const { status, output } = await audit(printed);
        expect(output).toMatch(/^not checked: /);
        expect(status).toBe(3);
      },
    );
  });
});
