import { signal } from '@preact/signals';

/** A place in the console: `#/clients/plant%2F7?tab=events`. */
export interface Route {
  /** Decoded parts of the path. The first one is the page. */
  readonly path: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

const home = 'overview';

/** Parses the fragment of a URL. An invalid escape sequence stays as it is. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const parts = path.split('/').filter((part) => part !== '');
  return {
    path: parts.length === 0 ? [home] : parts.map(decodePart),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** Returns the fragment of a place. Empty values are left out of the query. */
export function href(
  path: readonly string[],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((item): item is [string, string] => Boolean(item[1]));
  const search = new URLSearchParams(given).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${search === '' ? '' : `?${search}`}`;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const route = signal<Route>(parseRoute(typeof location === 'undefined' ? '' : location.hash));

export function startRouter(): void {
  window.addEventListener('hashchange', () => {
    route.value = parseRoute(location.hash);
  });
}

export function navigate(
  path: readonly string[],
  query?: Readonly<Record<string, string | undefined>>,
): void {
  location.hash = href(path, query);
}

/** Changes the query of the current place without a new entry in the browser's history. */
export function replaceQuery(query: Readonly<Record<string, string | undefined>>): void {
  const next = href(route.value.path, query);
  history.replaceState(null, '', next);
  route.value = parseRoute(next);
}
