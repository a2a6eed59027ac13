import type { History, RetainedHistory, WillHistory } from './history.ts';

/** P5. One sentence for each member whose retained messages are not what they should be. */
export function inspectRetained({ expected, views }: RetainedHistory, mayDegrade: boolean): string[] {
  const reference = new Map<string, string>([...expected].filter(([, payload]) => payload !== ''));
  // A write that was acked without a majority loses against one the majority made since (design, section 6); then the
  // last write need not win, but all members must agree.
  const wanted = mayDegrade ? (views[0]?.found ?? reference) : reference;
  return views.flatMap(({ member, found }) => {
    const topics = [...new Set([...wanted.keys(), ...found.keys()])];
    const different = topics.filter((topic) => wanted.get(topic) !== found.get(topic));
    const [topic] = different;
    if (topic === undefined) return [];
    const show = (payload: string | undefined): string =>
      payload === undefined ? 'nothing' : `"${payload}"`;
    return [
      `${different.length} retained messages of ${member} differ, such as ${topic}: ` +
        `${show(found.get(topic))} instead of ${show(wanted.get(topic))}`,
    ];
  });
}

/** P6, as every persistent QoS 2 subscriber saw it. */
export function inspectWills({
  wills,
  subscribers,
  mayDegrade,
}: Pick<History, 'wills' | 'subscribers' | 'mayDegrade'>): string[] {
  const limits: Readonly<Record<WillHistory['expected'], readonly [number, number, string]>> = {
    exactlyOne: [1, 1, 'one'],
    atMostOne: [0, 1, 'at most one'],
    none: [0, 0, 'none'],
    stayed: mayDegrade ? [0, 1, 'at most one'] : [0, 0, 'none'],
  };
  const witnesses = subscribers.filter(({ persistent, qos }) => persistent && qos === 2);
  return witnesses.flatMap(({ id, sessions }) =>
    wills.flatMap(({ topic, expected, how }) => {
      const count = sessions.reduce((sum, session) => sum + (session.wills.get(topic) ?? 0), 0);
      const [min, max, words] = limits[expected];
      return count >= min && count <= max ? [] : [`${id} got ${count} wills instead of ${words}: ${how}`];
    }),
  );
}
