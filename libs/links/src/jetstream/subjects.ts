/**
 * Topics and subjects, as the MQTT listener of nats-server maps them (its `mqtt.go`, from 2.10 on): levels become tokens,
 * an empty level becomes `/`, and a dot within a level becomes `//`.
 */

/** Bytes of a subject. nats-server closes a connection whose control line exceeds 4,096 bytes by default. */
const subjectBytesMax = 3_000;
/** Characters that nats-server accepts in no subject: it ends a subject at white space. */
const refused = /[\p{Cc} ]/u;

/** Returns why a topic or filter has no subject, or null. */
export function subjectFault(topic: string): string | null {
  if (refused.test(topic)) return 'a subject must not contain spaces or control characters';
  if (topic.split('/').some((level) => level === '*' || level === '>'))
    return 'a level * or > is a wildcard of NATS';
  if (Buffer.byteLength(topicToSubject(topic)) > subjectBytesMax)
    return `a subject must not have more than ${subjectBytesMax} bytes`;
  return null;
}

/** Returns the subject of a topic without a {@link subjectFault}. */
export function topicToSubject(topic: string): string {
  return topic.split('/').map(tokenOf).join('.');
}

/** Returns the subjects that a topic filter matches: `a/#` also matches `a` [MQTT-4.7.1-2]. */
export function filterToSubjects(filter: string): string[] {
  const levels = filter.split('/');
  const tokens = levels.map((level) => (level === '+' ? '*' : level === '#' ? '>' : tokenOf(level)));
  const whole = tokens.join('.');
  return tokens.length > 1 && tokens.at(-1) === '>' ? [whole, tokens.slice(0, -1).join('.')] : [whole];
}

/** Returns the topic of a subject, or null if no topic has this subject. */
export function subjectToTopic(subject: string): string | null {
  const levels = subject.split('.').map(levelOf);
  return levels.includes(null) ? null : levels.join('/');
}

/** Returns whether each subject that `inner` matches is matched by one of `outer`. */
export function isCovered(inner: string, outer: readonly string[]): boolean {
  return outer.some((each) => covers(each.split('.'), inner.split('.')));
}

/** Returns the subjects that no other one covers. */
export function withoutCovered(subjects: readonly string[]): string[] {
  const distinct = [...new Set(subjects)];
  return distinct.filter((each) => {
    const others = distinct.filter((other) => other !== each);
    return !isCovered(each, others);
  });
}

/**
 * Returns the subjects that no other one covers: a consumer must not have two filters that match the same subject. Null:
 * two of them overlap in part.
 */
export function disjoint(subjects: readonly string[]): string[] | null {
  const left = withoutCovered(subjects);
  const hasOverlap = left.some((each, position) =>
    left.slice(position + 1).some((other) => overlaps(each.split('.'), other.split('.'))),
  );
  return hasOverlap ? null : left;
}

function overlaps(left: readonly string[], right: readonly string[]): boolean {
  for (const [position, token] of left.entries()) {
    const other = right[position];
    if (other === undefined) return false;
    if (token === '>' || other === '>') return true;
    if (token !== '*' && other !== '*' && token !== other) return false;
  }
  return left.length === right.length;
}

function covers(outer: readonly string[], inner: readonly string[]): boolean {
  for (const [position, token] of outer.entries()) {
    const other = inner[position];
    if (token === '>') return other !== undefined;
    if (other === undefined || other === '>') return false;
    if (token !== '*' && token !== other) return false;
  }
  return outer.length === inner.length;
}

function tokenOf(level: string): string {
  return level === '' ? '/' : level.replaceAll('.', '//');
}

function levelOf(token: string): string | null {
  if (token === '/') return '';
  const level = token.replaceAll('//', '.');
  return level.includes('/') ? null : level;
}
