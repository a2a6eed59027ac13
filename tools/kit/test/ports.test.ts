import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/index.ts';

const count = 30;

test('freePort never returns the same port twice, in this process or in another process', async () => {
  const others = await portsOfAnotherProcess();
  const ports: number[] = [];
  for (let taken = 0; taken < count; taken++) ports.push(await freePort());
  expect(others).toHaveLength(count);
  expect(new Set([...ports, ...others]).size).toBe(2 * count);
});

test('freePort returns a port on which a server can listen', async () => {
  const port = await freePort();
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  await new Promise((resolve) => server.close(resolve));
});

/** Starts another process that calls `freePort`, and returns the ports of that process. */
async function portsOfAnotherProcess(): Promise<number[]> {
  const bundle = await import('esbuild').then(({ build }) =>
    build({
      entryPoints: [fileURLToPath(new URL('../src/ports.ts', import.meta.url))],
      bundle: true,
      platform: 'node',
      format: 'cjs',
      write: false,
    }),
  );
  const script = `${bundle.outputFiles[0]!.text}
    (async () => {
      const ports = [];
      for (let taken = 0; taken < ${count}; taken++) ports.push(await freePort());
      console.log(JSON.stringify(ports));
    })();`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })) as number[];
}
