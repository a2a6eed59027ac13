import { linksMax, linkNameSchema, linkTopicPrefix } from '@mqtt-cluster/contracts';
import type { LogIndex, StateView } from '@mqtt-cluster/contracts';
import { parseDefinition } from '../definition.ts';
import type { ParsedDefinition } from '../definition.ts';

/** Topic levels that one read examines: far more than all links have. */
const readBudget = 10_000;

/** The definition of one link in the replicated state. */
export type NamedDefinition = ParsedDefinition & {
  readonly name: string;
  /** Index of the entry that set the definition. */
  readonly index: LogIndex;
};

/** Reads the definitions of links from the replicated state. */
export class LinkDefinitions {
  readonly #view: () => StateView;
  #known = new Map<string, NamedDefinition>();

  constructor(view: () => StateView) {
    this.#view = view;
  }

  /** Returns the present definitions in the order of their names. A definition that did not change is the same object. */
  read(): readonly NamedDefinition[] {
    const { items } = this.#view().retainedAfter(`${linkTopicPrefix}+`, null, linksMax, readBudget);
    const found = new Map<string, NamedDefinition>();
    for (const { message, index } of items) {
      const name = message.topic.slice(linkTopicPrefix.length);
      if (!linkNameSchema.safeParse(name).success) continue;
      const known = this.#known.get(name);
      found.set(name, known?.index === index ? known : { name, index, ...parseDefinition(message.payload) });
    }
    this.#known = found;
    return [...found.values()].toSorted((left, right) => (left.name < right.name ? -1 : 1));
  }
}
