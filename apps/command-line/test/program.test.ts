import type { RestoreRequest } from '../src/program/member-host.ts';
import { programNames } from '../src/program/program.ts';
import { FakeApi } from './support/fake-api.ts';
import { run } from './support/run.ts';

const commands = [
  'status',
  'health',
  'settings',
  'members',
  'add',
  'remove',
  'drain',
  'undrain',
  'transfer',
  'bootstrap',
  'clients list',
  'clients show',
  'clients disconnect',
  'sessions delete',
  'subscriptions',
  'retained list',
  'retained show',
  'retained delete',
  'publish',
  'subscribe',
  'events',
  'trace',
  'backup',
  'restore',
  'users list',
  'users add',
  'users set',
  'users passwd',
  'users remove',
  'users import',
  'rules show',
  'rules check',
  'rules set',
];

test.each(commands)('%s --help prints examples, and exits with 0', async (command) => {
  const { status, out, err } = await run([...command.split(' '), '--help']);
  expect(status).toBe(0);
  expect(err).toBe('');
  expect(out).toContain('Examples:\n  mqtt-cluster ');
  expect(out).toContain('--server <URL>');
});

test('--help lists every command, and exits with 0', async () => {
  const { status, out } = await run(['--help']);
  expect(status).toBe(0);
  for (const command of commands) expect(out).toContain(`\n  ${command.split(' ')[0]}`);
});

test('--version prints the version', async () => {
  expect(await run(['--version'])).toEqual({ status: 0, out: '9.9.9\n', err: '' });
});

test.each([
  { argv: [], problem: 'Usage: mqtt-cluster COMMAND' },
  { argv: ['client'], problem: "unknown command 'client'" },
  { argv: ['clients', '--jsno'], problem: "unknown option '--jsno'" },
  { argv: ['clients', 'show'], problem: "missing required argument 'ID'" },
  { argv: ['clients', '--limit', '0'], problem: 'It must be a whole number from 1 to 1000000.' },
  { argv: ['clients', '--connected', '--disconnected'], problem: 'exclude each other' },
  { argv: ['sessions'], problem: 'Usage: mqtt-cluster sessions' },
  { argv: ['subscriptions', '--filter', 'a', '--topic', 'b'], problem: 'exclude each other' },
  { argv: ['trace'], problem: 'exactly one of --client, --topic and --address is required' },
  { argv: ['trace', '--client', 'a', '--topic', 'b'], problem: 'exactly one of --client' },
  { argv: ['publish', 't'], problem: 'exactly one of MESSAGE and --file is required' },
  { argv: ['publish', 't', 'm', '--qos', '3'], problem: 'It must be a whole number from 0 to 2.' },
  { argv: ['settings', 'drainPerSecond'], problem: 'must have the form NAME=VALUE' },
  { argv: ['users', 'set', 'ann'], problem: '--groups, --role, --enable or --disable is missing' },
  { argv: ['status', '--server', '10.0.0.51:9100'], problem: 'is not a URL such as http://127.0.0.1:9100' },
  { argv: ['status', '--ca', '/does/not/exist'], problem: '--ca: the file /does/not/exist cannot be read' },
  { argv: ['status', '--user-password-file', 'x'], problem: '--user-password-file needs --user NAME' },
])('rejects $argv with exit status 2, and prints nothing to standard output', async ({ argv, problem }) => {
  const { status, out, err } = await run(argv);
  expect(status).toBe(2);
  expect(out).toBe('');
  expect(err).toContain(problem);
});

describe('the program of an appliance', () => {
  const host = {
    connection: () => ({ server: 'http://127.0.0.1:9100', tokenFile: null }),
    restore: () => Promise.resolve(),
  };
  const name = 'broker-publisher admin';
  const { commands: names, options } = programNames(host);
  const help = (...argv: string[]): ReturnType<typeof run> => run([...argv, '--help'], {}, { host, name });

  test('has all commands of mqtt-cluster, and its own name in the help', async () => {
    expect(names).toEqual(programNames(null).commands);
    for (const command of names)
      expect((await help(...command.split(' '))).out).toContain(`Examples:\n  ${name} `);
  });

  test('the help lists every command and option, and fits the width of a terminal', async () => {
    const overview = (await help()).out;
    const pages = [overview];
    for (const command of names) {
      const [word = '', ...rest] = command.split(' ');
      expect(overview).toMatch(new RegExp(`^  ${word}\\b`, 'm'));
      if (rest.length > 0) expect((await help(word)).out).toMatch(new RegExp(`^  ${rest[0]}\\b`, 'm'));
      pages.push((await help(...command.split(' '))).out);
    }
    for (const option of options) expect(pages.join('\n')).toContain(`--${option}`);
    const widths = pages.flatMap((page) => page.split('\n').map((line) => line.length));
    expect(Math.max(...widths)).toBeLessThanOrEqual(140);
  });

  test.each([
    { argv: ['drain', 'b'], exit: false },
    { argv: ['drain', 'b', '--exit'], exit: true },
    { argv: ['drain', '--no-exit'], exit: false },
    { argv: ['drain'], exit: true },
  ])('$argv sends exit: $exit', async ({ argv, exit }) => {
    const id = argv[1] === 'b' ? 'b' : 'own';
    const api = await FakeApi.start(({ method, path }) => {
      if (path === '/overview') return { body: { member: 'own' } };
      if (method === 'POST') return { status: 202, body: { ok: true, text: '' } };
      const reachable = !exit;
      const member = { id, reachable, clients: 0, role: 'follower' };
      return { body: { members: [member], unreachable: [], tooOld: [] } };
    });
    const { status } = await run([...argv, '--url', api.url], {}, { host, name });
    await api.stop();
    expect(status).toBe(0);
    const [sent] = api.requests.filter(({ method }) => method === 'POST');
    expect(sent).toMatchObject({ path: `/members/${id}/drain`, body: { exit } });
  });

  test('restore runs in the program, with the options that were given', async () => {
    const requests: unknown[] = [];
    const restore = async ({ progress, ...request }: RestoreRequest): Promise<void> => {
      requests.push(request);
      progress('restored');
    };
    const { status, err } = await run(
      ['restore', 'file', '--id', 'm1'],
      {},
      { host: { ...host, restore }, name },
    );
    expect({ status, err }).toEqual({ status: 0, err: 'restored\n' });
    expect(requests).toEqual([{ file: 'file', id: 'm1' }]);
  });
});
