import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** One metric that a query reads. */
export interface Selection {
  readonly metric: string;
  /** Names of the labels it is matched by. */
  readonly labels: readonly string[];
}

export class PromqlError extends Error {
  override readonly name = 'PromqlError';
}

/**
 * The metrics a PromQL query reads, as often as it reads them.
 * @throws PromqlError where the query can't be parsed, or selects by anything but a plain name.
 */
export function selectionsOf(query: string): Selection[] {
  const tree = parser.parse(query);
  const found: Selection[] = [];
  tree.iterate({
    enter: ({ node, type, from, to }) => {
      if (type.isError) {
        throw new PromqlError(`no PromQL at "${query.slice(from, Math.max(to, from + 20))}" of: ${query}`);
      }
      if (type.name === 'VectorSelector') found.push(selectionOf(query, node));
    },
  });
  return found;
}

function selectionOf(query: string, node: SyntaxNode): Selection {
  const name = node.getChild('Identifier');
  if (name === null) throw new PromqlError(`a selector names no metric: ${query}`);
  const labels: string[] = [];
  node.cursor().iterate(({ name: kind, from, to }) => {
    if (kind === 'LabelName') labels.push(query.slice(from, to));
  });
  return { metric: query.slice(name.from, name.to), labels };
}

/** The selectors of a query as they stand in it, without their ranges: each is a query of its own. */
export function selectorsOf(query: string): string[] {
  const found: string[] = [];
  parser.parse(query).iterate({
    enter: ({ name, from, to }) => {
      if (name === 'VectorSelector') found.push(query.slice(from, to));
    },
  });
  return found;
}

/** Replaces the length of every range and offset of a query. */
export function withDurations(query: string, change: (duration: string) => string): string {
  const edits: { from: number; to: number; text: string }[] = [];
  parser.parse(query).iterate({
    enter: ({ name, from, to }) => {
      if (name === 'NumberDurationLiteralInDurationContext') {
        edits.push({ from, to, text: change(query.slice(from, to)) });
      }
    },
  });
  return edits.reduceRight(
    (text, { from, to, text: by }) => text.slice(0, from) + by + text.slice(to),
    query,
  );
}
