/** How an item came into a queue. */
export interface Route {
  readonly subscriptionIdentifiers?: readonly number[] | undefined;
  readonly group?: string | undefined;
}

/** The number of the route of an item without subscription identifiers and group. */
export const plainRoute = 0;

const noRoute: Route = {};

/** The routes of the items of one queue. Many items have the same route, so they refer to it by its number. */
export class ItemRoutes {
  readonly #routes: Route[] = [noRoute];
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#routes.length;
  }

  route(number: number): Route {
    return this.#routes[number] ?? noRoute;
  }

  /** Returns the number of a route, and adds the route if it is new. */
  numberOf({ subscriptionIdentifiers, group }: Route): number {
    if (subscriptionIdentifiers === undefined && group === undefined) return plainRoute;
    const key = `${subscriptionIdentifiers?.join() ?? '-'} ${group ?? ''}`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#routes.push({ subscriptionIdentifiers, group }) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }

  /** Returns for each number whether its route is one of a shared subscription that `wanted` selects by its filter. */
  ofGroups(wanted: (sharedFilter: string) => boolean): boolean[] {
    return this.#routes.map(({ group }) => group !== undefined && wanted(group));
  }
}
