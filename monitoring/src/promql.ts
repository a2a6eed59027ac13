import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';

/** A vector selector of a query. */
export interface VectorSelector {
  readonly metric: string;
  /** Names of the labels in its matchers. */
  readonly labels: readonly string[];
}

/** A query that is not valid PromQL, or that the checks do not support. */
export class PromqlError extends Error {
  override readonly name = 'PromqlError';
}

/**
 * Returns all vector selectors of a PromQL query, in order.
 * @throws PromqlError when the query cannot be parsed, or a selector has no metric name.
 */
export function vectorSelectors(query: string): VectorSelector[] {
  const tree = parser.parse(query);
  const found: VectorSelector[] = [];
  tree.iterate({
    enter: ({ node, type, from, to }) => {
      if (type.isError) {
        throw new PromqlError(
          `invalid PromQL at "${query.slice(from, Math.max(to, from + 20))}" of: ${query}`,
        );
      }
      if (type.name === 'VectorSelector') found.push(vectorSelector(query, node));
    },
  });
  return found;
}

function vectorSelector(query: string, node: SyntaxNode): VectorSelector {
  const name = node.getChild('Identifier');
  if (name === null) throw new PromqlError(`a selector has no metric name: ${query}`);
  const labels: string[] = [];
  node.cursor().iterate(({ name: kind, from, to }) => {
    if (kind === 'LabelName') labels.push(query.slice(from, to));
  });
  return { metric: query.slice(name.from, name.to), labels };
}

/** Returns the text of each vector selector without its range; each is a complete query. */
export function selectorTexts(query: string): string[] {
  const found: string[] = [];
  parser.parse(query).iterate({
    enter: ({ name, from, to }) => {
      if (name === 'VectorSelector') found.push(query.slice(from, to));
    },
  });
  return found;
}

/** Replaces the duration of every range, offset and step of a query. */
export function replaceDurations(query: string, change: (duration: string) => string): string {
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
