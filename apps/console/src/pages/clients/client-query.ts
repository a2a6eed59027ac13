import type { ClientQuery } from '../../api/types.ts';

/** Page sizes that a user can choose. */
export const pageSizes = [25, 50, 100, 250, 500] as const;
export const defaultPageSize = 50;

type RouteQuery = Readonly<Record<string, string>>;

/** Returns the query of the API for the search in the address of the page. Unknown values are left out. */
export function clientQuery(query: RouteQuery, after: string | undefined): ClientQuery {
  const size = Number(query['limit']);
  const connected = { yes: true, no: false }[query['connected'] ?? ''];
  return {
    limit: pageSizes.find((known) => known === size) ?? defaultPageSize,
    ...(after === undefined ? {} : { after }),
    ...(query['id'] ? { id: query['id'] } : {}),
    ...(query['user'] ? { user: query['user'] } : {}),
    ...(query['address'] ? { address: query['address'] } : {}),
    ...(query['member'] ? { member: query['member'] } : {}),
    ...(connected === undefined ? {} : { connected }),
  };
}

/** Returns whether the list shows only some clients. */
export function isSearch(query: RouteQuery): boolean {
  return ['id', 'user', 'address', 'member', 'connected'].some((key) => Boolean(query[key]));
}
