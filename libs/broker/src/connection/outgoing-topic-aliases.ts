/** Topics up to this number of characters get no alias, because the alias property itself has 3 bytes. */
const shortTopicCharactersMax = 3;

/**
 * The topic aliases that the broker uses towards one MQTT 5 client (MQTT 5, 3.3.2.3.4). The first topics get
 * them, and keep them until the connection ends: an alias that changes its topic often would save no bytes.
 */
export class OutgoingTopicAliases {
  readonly #aliasMax: number;
  readonly #aliases = new Map<string, number>();

  /** @param aliasMax the lower of the client's Topic Alias Maximum and the broker's bound */
  constructor(aliasMax: number) {
    this.#aliasMax = aliasMax;
  }

  /** Returns the alias of which the client knows the topic, or 0. */
  known(topic: string): number {
    return this.#aliases.get(topic) ?? 0;
  }

  /** Returns a free alias for a new topic, or 0 if the topic gets none. */
  free(topic: string): number {
    const next = this.#aliases.size + 1;
    return next <= this.#aliasMax && topic.length > shortTopicCharactersMax ? next : 0;
  }

  /** The client receives the topic together with this alias. */
  assign(topic: string, alias: number): void {
    this.#aliases.set(topic, alias);
  }
}
