import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IConnackPacket, ISubackPacket } from 'mqtt-packet';
import { passwordLine } from '../support/password-file.ts';
import type { RawClient } from '../support/raw-client.ts';
import { TestCluster } from '../support/test-cluster.ts';

const directory = mkdtempSync(join(tmpdir(), 'spoiled-files-'));
const passwordFile = join(directory, 'passwords');
const aclFile = join(directory, 'acl');
const rules = 'user ann\ntopic readwrite plant/#\n';
const settings = ['mqtt.passwordFile', 'mqtt.aclFile'];
let cluster: TestCluster;
/** Connected before all changes of the files. */
let client: RawClient;
let packets = 0;

const users = passwordLine('bob', 'other') + passwordLine('ann', 'right');

function restore(): void {
  for (const [path, text] of [
    [passwordFile, users],
    [aclFile, rules],
  ] as const) {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, text);
  }
}

async function returnCode(username: string, password: string): Promise<number> {
  const other = await cluster.connect('a', `client-of-${username}`, {
    username,
    password: Buffer.from(password),
  });
  const connack = other.received.find(({ cmd }) => cmd === 'connack') as IConnackPacket;
  other.destroy();
  return connack.returnCode!;
}

/** Returns the answer to a SUBSCRIBE of the client that was connected first. */
async function subscribe(topic: string): Promise<unknown> {
  const messageId = ++packets;
  client.send({ cmd: 'subscribe', messageId, subscriptions: [{ topic, qos: 0 }] });
  await client.got('suback', packets);
  const suback = client.received.find(
    (packet) => packet.cmd === 'suback' && packet.messageId === messageId,
  ) as ISubackPacket;
  return suback.granted[0];
}

beforeAll(async () => {
  restore();
  cluster = await TestCluster.start(['a'], {
    mqtt: { anonymous: false, authentication: ['passwordFile'], passwordFile, aclFile },
  });
  client = await cluster.connect('a', 'first', { username: 'ann', password: Buffer.from('right') });
});

afterAll(async () => {
  await cluster.close();
  rmSync(directory, { recursive: true });
});

/** Replaces a file by something else. */
const replaceBy = (make: (path: string) => void) => (path: string) => {
  rmSync(path);
  make(path);
};

test.each<[string, (path: string) => void]>([
  ['emptied', (path) => truncateSync(path)],
  ['cut off in a line', (path) => truncateSync(path, path === passwordFile ? users.length - 20 : 3)],
  ['overwritten with bytes that are no text', (path) => writeFileSync(path, Buffer.alloc(4_096, 0xff))],
  ['extended to 17 MiB', (path) => truncateSync(path, 17 * 1024 * 1024)],
  ['deleted', (path) => rmSync(path)],
  ['replaced by a directory', replaceBy((path) => mkdirSync(path))],
  ['replaced by a link to nothing', replaceBy((path) => symlinkSync('/nowhere', path))],
  ['replaced by a link to an endless device', replaceBy((path) => symlinkSync('/dev/zero', path))],
  ['replaced by a named pipe', replaceBy((path) => execFileSync('mkfifo', [path]))],
])(
  'a password file and an ACL file that are %s leave the users, the rules and the connections as they were',
  async (_how, spoil) => {
    for (const path of [passwordFile, aclFile]) spoil(path);
    await cluster.reload('a');
    const refused = async (): Promise<number[]> => {
      const page = await cluster.metrics('a');
      return settings.map((setting) => page.value('file_refused', `setting="${setting}"`));
    };
    expect(await refused()).toEqual([1, 1]);
    expect(await returnCode('ann', 'right')).toBe(0);
    expect(await returnCode('ann', 'wrong')).not.toBe(0);
    expect(await returnCode('mallory', 'right')).not.toBe(0);
    expect(await subscribe('plant/x')).toBe(0);
    expect(await subscribe('secret')).toBe(0x80);
    restore();
    await cluster.reload('a');
    expect(await refused()).toEqual([0, 0]);
  },
);
