import { accessRuleSchema, RulesError } from '@mqtt-cluster/contracts';
import type { AccessRule } from '@mqtt-cluster/contracts';

type Effect = Pick<AccessRule, 'effect' | 'actions'>;

const effects: ReadonlyMap<string, Effect> = new Map<string, Effect>([
  ['read', { effect: 'allow', actions: ['subscribe'] }],
  ['write', { effect: 'allow', actions: ['publish'] }],
  ['readwrite', { effect: 'allow', actions: ['publish', 'subscribe'] }],
  ['deny', { effect: 'deny', actions: ['publish', 'subscribe'] }],
]);
const accessTypes = 'read, write, readwrite or deny';

/** Bound on the rules of one file. Each connecting client is compared with the rules of its user and of all clients. */
const rulesMax = 100_000;

/** The lines of one section: `deny` lines precede all others, as in mosquitto. */
class Section {
  readonly #denials: AccessRule[] = [];
  readonly #grants: AccessRule[] = [];

  add(rule: AccessRule): void {
    (rule.effect === 'deny' ? this.#denials : this.#grants).push(rule);
  }

  rules(): readonly AccessRule[] {
    return [...this.#denials, ...this.#grants];
  }
}

/**
 * Reads an ACL file of mosquitto (mosquitto.conf(5), `acl_file`) and returns rules with the same meaning.
 *
 * - `topic` lines before the first `user` line apply to clients without a user, and later ones to the user of the
 *   `user` line. `pattern` lines apply to all clients, after the `topic` lines of the client.
 * - `deny` lines precede the other lines of their section. Otherwise the first matching line decides.
 *
 * `%u` and `%c` must be a whole level, and stand in `pattern` lines only. mosquitto also replaces a part of a level,
 * which its manual excludes, and takes the placeholder of a `topic` line literally.
 *
 * @throws RulesError with the number of the line
 */
export function parseAclFile(text: string): readonly AccessRule[] {
  const withoutUser = new Section();
  const users = new Map<string, Section>();
  const patterns = new Section();
  let current = { section: withoutUser, conditions: { anonymous: true } as Partial<AccessRule> };
  let rules = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const fail = (reason: string): RulesError => new RulesError(`line ${index + 1}: ${reason}`);
    if (line.startsWith('#')) continue;
    const { keyword, rest } = splitKeyword(line);
    if (keyword === '') continue;
    if (keyword === 'user') {
      if (rest === '') throw fail('the name of the user is missing');
      const section = users.get(rest) ?? new Section();
      users.set(rest, section);
      current = { section, conditions: { users: [rest] } };
    } else if (keyword === 'topic' || keyword === 'pattern') {
      const isPattern = keyword === 'pattern';
      const rule = readRule(rest, isPattern ? {} : current.conditions, fail);
      if (!isPattern && /(^|\/)%[uc](\/|$)/.test(rest)) throw fail('%u and %c need a pattern line');
      if (++rules > rulesMax) throw fail(`the file has more than ${rulesMax} rules`);
      (isPattern ? patterns : current.section).add(rule);
    } else {
      throw fail(`unknown keyword ${JSON.stringify(keyword.slice(0, 60))}: expected topic, pattern or user`);
    }
  }
  return [withoutUser, ...users.values(), patterns].flatMap((section) => section.rules());
}

/** Splits a line at its first spaces. Spaces within the rest belong to a topic or to a user name. */
function splitKeyword(line: string): { keyword: string; rest: string } {
  const trimmed = line.replace(/^ +/, '').trimEnd();
  const end = trimmed.indexOf(' ');
  return end === -1
    ? { keyword: trimmed, rest: '' }
    : { keyword: trimmed.slice(0, end), rest: trimmed.slice(end).trim() };
}

function readRule(
  rest: string,
  conditions: Partial<AccessRule>,
  fail: (reason: string) => RulesError,
): AccessRule {
  if (rest === '') throw fail('the topic is missing');
  const { keyword, rest: topicAfterType } = splitKeyword(rest);
  // The access type is optional. Without one, the only word is the topic.
  const accessType = topicAfterType === '' ? 'readwrite' : keyword;
  const topic = topicAfterType === '' ? keyword : topicAfterType;
  const effect = effects.get(accessType);
  if (!effect) throw fail(`unknown access type ${JSON.stringify(accessType)}: expected ${accessTypes}`);
  const result = accessRuleSchema.safeParse({ ...effect, topics: [topic], ...conditions });
  if (!result.success) throw fail(`${JSON.stringify(topic)}: ${result.error.issues[0]?.message ?? ''}`);
  return result.data as AccessRule;
}
