import { existsSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '@mqtt-cluster/kit';
import { requiring } from '@mqtt-cluster/testing';
import { buildCommit } from '../src/commit-build.ts';

/** A build script that writes an appliance with two settings. */
const goodBuild = `
  import { mkdirSync, writeFileSync } from 'node:fs';
  mkdirSync('dist');
  writeFileSync('dist/broker-publisher.mjs', "console.log('MQTT_CLUSTER_ID\\\\nMQTT_CLUSTER_DATA')");
`;

requiring('git')('buildCommit', () => {
  let root = '';
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'commit-build-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const git = (...args: string[]): Promise<string> =>
    runCommand('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
      directory: root,
    });

  async function commitOf(buildScript: string): Promise<string> {
    await git('init', '--quiet');
    writeFileSync(join(root, 'package.json'), '{ "name": "x", "version": "1.0.0" }');
    const packages = { '': { name: 'x', version: '1.0.0' } };
    writeFileSync(
      join(root, 'package-lock.json'),
      JSON.stringify({ name: 'x', lockfileVersion: 3, packages }),
    );
    mkdirSync(join(root, 'scripts'));
    writeFileSync(join(root, 'scripts/build.mjs'), buildScript);
    await git('add', '--all');
    await git('commit', '--quiet', '--message', 'x');
    return (await git('rev-parse', 'HEAD')).trim();
  }

  const build = (commit: string, logged: string[] = []) =>
    buildCommit({ commit, root, log: (text) => logged.push(text) });

  it('builds a commit in a folder named by the commit id, and reuses a finished build', async () => {
    const id = await commitOf(goodBuild);
    const { script, variables } = await build('HEAD');
    expect(script).toBe(join(root, '.torture/builds', id, 'dist/broker-publisher.mjs'));
    expect(existsSync(script)).toBe(true);
    expect([...variables]).toEqual(['MQTT_CLUSTER_ID', 'MQTT_CLUSTER_DATA']);
    const logged: string[] = [];
    await build(id, logged);
    expect(logged).toEqual([expect.stringContaining('has been built already')]);
  });

  it('throws the last lines of output if the build fails, and repeats a failed build at the next call', async () => {
    await commitOf("console.error('src/main.ts: unknown name'); process.exit(1);");
    await expect(build('HEAD')).rejects.toThrow(
      /the build of commit \w+ failed:\n.*src\/main.ts: unknown name/s,
    );
    await expect(build('HEAD')).rejects.toThrow('unknown name');
  });

  it('throws if the given name is not a commit, or if the root folder is not a git checkout', async () => {
    await expect(build('HEAD')).rejects.toThrow(/--from needs a git checkout, and .* is not one/);
    await commitOf(goodBuild);
    await expect(build('no-such-branch')).rejects.toThrow(/"no-such-branch" is not a commit of/);
  });
});
