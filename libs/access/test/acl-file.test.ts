import type { Identity } from '@mqtt-cluster/contracts';
import { compileRules, parseAclFile } from '../src/index.ts';

const client = (user?: string, id = 'c1'): Identity => ({
  source: user === undefined ? 'anonymous' : 'passwordFile',
  ...(user !== undefined && { user }),
  groups: [],
  client: id,
  address: '192.0.2.1',
  listener: 'default',
});

const example = `# This affects access control for clients with no username.
topic read $SYS/#
topic deny public/private
topic public/#

# This only affects clients with username "roger".
user roger
topic foo/bar
topic read news today/#

user Ann Smith
topic write  logs/a b

# This affects all clients.
pattern write $SYS/broker/connection/%c/state
pattern read sensor/%u/data
pattern deny sensor/+/key
user roger
topic deny foo/bar
topic foo/#
`;

describe('an ACL file of mosquitto', () => {
  const rules = compileRules(parseAclFile(example));
  const may = (identity: Identity, access: 'read' | 'write', topic: string): boolean =>
    rules.decide(identity, access === 'read' ? 'subscribe' : 'publish', topic, 2, true) === 'allow';

  it('gives the general section to clients without a user only', () => {
    expect(may(client(), 'read', '$SYS/broker/uptime')).toBe(true);
    expect(may(client(), 'write', '$SYS/broker/uptime')).toBe(false);
    expect(may(client(), 'write', 'public/a')).toBe(true);
    expect(may(client('roger'), 'write', 'public/a')).toBe(false);
  });

  it('denies before it grants, in any order of the lines', () => {
    expect(may(client(), 'read', 'public/private')).toBe(false);
    expect(may(client('roger'), 'read', 'foo/bar')).toBe(false);
    expect(may(client('roger'), 'read', 'foo/other')).toBe(true);
  });

  it('keeps spaces within topics and user names, and drops those around them', () => {
    expect(may(client('roger'), 'read', 'news today/1')).toBe(true);
    expect(may(client('Ann Smith'), 'write', 'logs/a b')).toBe(true);
    expect(may(client('Ann Smith'), 'read', 'logs/a b')).toBe(false);
    expect(may(client('Ann'), 'write', 'logs/a b')).toBe(false);
  });

  it('applies patterns to all clients, whatever the section', () => {
    expect(may(client(undefined, 'b7'), 'write', '$SYS/broker/connection/b7/state')).toBe(true);
    expect(may(client(undefined, 'b7'), 'write', '$SYS/broker/connection/b8/state')).toBe(false);
    expect(may(client('roger'), 'read', 'sensor/roger/data')).toBe(true);
    expect(may(client('roger'), 'read', 'sensor/ann/data')).toBe(false);
    expect(may(client('roger'), 'read', 'sensor/roger/key')).toBe(false);
    expect(may(client(), 'read', 'sensor//data')).toBe(false);
  });

  it('takes the only word after the keyword as the topic, with both rights', () => {
    expect(parseAclFile('topic read')).toEqual([
      { effect: 'allow', actions: ['publish', 'subscribe'], topics: ['read'], anonymous: true },
    ]);
  });

  it('may have Windows line ends, empty lines and spaces before a keyword', () => {
    expect(parseAclFile('\r\n   \r\n  user ann  \r\n  topic  read  a/#\r\n')).toEqual([
      { effect: 'allow', actions: ['subscribe'], topics: ['a/#'], users: ['ann'] },
    ]);
    expect(parseAclFile('')).toEqual([]);
  });

  it.each([
    ['topic a\ntopics a', 'line 2: unknown keyword "topics": expected topic, pattern or user'],
    ['topic a\n  # comment', 'line 2: unknown keyword "#": expected topic, pattern or user'],
    ['topic\tread\ta', 'line 1: unknown keyword "topic\\tread\\ta": expected topic, pattern or user'],
    ['topic', 'line 1: the topic is missing'],
    ['pattern   ', 'line 1: the topic is missing'],
    ['user', 'line 1: the name of the user is missing'],
    ['\n\nuser   \n', 'line 3: the name of the user is missing'],
    ['topic rw a/b', 'line 1: unknown access type "rw": expected read, write, readwrite or deny'],
    [
      'topic read a/#/b',
      'line 1: "a/#/b": must be a topic filter in which each of +, %u and %c is a whole level and # is the whole last level',
    ],
    [
      'pattern read dev-%c/a',
      'line 1: "dev-%c/a": must be a topic filter in which each of +, %u and %c is a whole level and # is the whole last level',
    ],
    ['user a\ntopic read b/%u', 'line 2: %u and %c need a pattern line'],
    [`user ${'x'.repeat(257)}\ntopic a`, 'line 2: "a": must have at most 256 bytes'],
  ])('that begins with %j is refused with the line and the reason', (text, message) => {
    expect(() => parseAclFile(text)).toThrow(message);
  });
});
