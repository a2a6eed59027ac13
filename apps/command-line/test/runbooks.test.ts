import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeApi, answering } from './support/fake-api.ts';
import { run } from './support/run.ts';

const runbooks = fileURLToPath(new URL('../../../monitoring/runbooks', import.meta.url));
const texts = readdirSync(runbooks).map((file) => readFileSync(join(runbooks, file), 'utf8'));
const commands = texts
  .flatMap((text) => [...text.matchAll(/main\.mjs admin ([^`|;\n]+)/g)])
  .map(([, command]) => command!.trim());

const usageStatus = 2;
let api: FakeApi;
beforeAll(async () => (api = await FakeApi.start(answering({}))));
afterAll(() => api.stop());

// The operands of a runbook are names such as MEMBER, so a server answers that they do not exist.
test.each([...new Set(commands)])('%s, of a runbook, has valid operands and options', async (command) => {
  const { status, err } = await run([...command.split(' '), '--server', api.url]);
  expect(status === usageStatus ? err : '').toBe('');
});
