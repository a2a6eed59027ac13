import { useState } from 'preact/hooks';
import { Empty } from '../../parts/states.tsx';
import { count, plural, rate } from '../../text/format.ts';
import { preview } from '../../text/payload.ts';
import { rateOf, sorted } from './topic-tree.ts';
import type { TopicNode, TopicTree } from './topic-tree.ts';

const childrenShownMax = 200;
const previewMax = 40;

interface ListProps {
  readonly tree: TopicTree;
  /** Topics that match a search; null without one. */
  readonly found: readonly TopicNode[] | null;
  readonly chosen: string | null;
  readonly choose: (path: string) => void;
  readonly nowMs: number;
}

/** The tree as nested lists with buttons that open a level, or the topics that match a search. */
export function TopicList({ tree, found, chosen, choose, nowMs }: ListProps) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (path: string): void => {
    const next = new Set(open);
    if (!next.delete(path)) next.add(path);
    setOpen(next);
  };
  if (found !== null)
    return found.length === 0 ? (
      <Empty title="No topic contains this text." />
    ) : (
      <ul class="tree" aria-label="Topics that match">
        {found.map((node) => (
          <li key={node.path}>
            <Row node={node} name={node.path} isChosen={node.path === chosen} choose={choose} nowMs={nowMs} />
          </li>
        ))}
      </ul>
    );
  const level = (node: TopicNode) => {
    const children = sorted(node);
    return (
      <ul class="tree" aria-label={node === tree.root ? 'Topics' : `Below ${node.path}`}>
        {children.slice(0, childrenShownMax).map((child) => (
          <li key={child.level}>
            <Row
              node={child}
              name={child.level === '' ? '(empty level)' : child.level}
              isChosen={child.path === chosen}
              choose={choose}
              nowMs={nowMs}
              isOpen={child.children.size > 0 ? isOpen(child) : undefined}
              toggle={() => toggle(child.path)}
            />
            {child.children.size > 0 && isOpen(child) && level(child)}
          </li>
        ))}
        {children.length > childrenShownMax && (
          <li class="quiet small tree-rest">
            {count(children.length - childrenShownMax)} more. Search or subscribe to a narrower filter.
          </li>
        )}
      </ul>
    );
  };
  // A level that is the only one at its place is open, so that the tree does not start with one closed line.
  const isOnly = (node: TopicNode): boolean =>
    tree.root.children.size === 1 && tree.root.children.has(node.path);
  const isOpen = (node: TopicNode): boolean => open.has(node.path) !== isOnly(node);
  return level(tree.root);
}

function Row({
  node,
  name,
  isChosen,
  choose,
  nowMs,
  isOpen,
  toggle,
}: {
  node: TopicNode;
  name: string;
  isChosen: boolean;
  choose: (path: string) => void;
  nowMs: number;
  isOpen?: boolean | undefined;
  toggle?: () => void;
}) {
  const { value } = node;
  return (
    <div class={isChosen ? 'tree-row tree-row-chosen' : 'tree-row'}>
      {isOpen === undefined ? (
        <span class="tree-toggle" />
      ) : (
        <button
          type="button"
          class="tree-toggle"
          aria-expanded={isOpen}
          aria-label={`Levels below ${node.path}`}
          onClick={toggle}
        >
          <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span>
        </button>
      )}
      <button
        type="button"
        class="tree-name mono"
        aria-pressed={isChosen}
        onClick={() => (value === null && toggle ? toggle() : choose(node.path))}
      >
        {name}
      </button>
      {value === null ? (
        <span class="quiet small">{plural(node.topics, 'topic')}</span>
      ) : (
        <span class="tree-value mono">{preview(value.payload, value.payloadBytes, previewMax)}</span>
      )}
      {value?.isRetained && <span class="tag">retained</span>}
      <span class="tree-rate quiet">{rate(rateOf(node, nowMs))}/s</span>
    </div>
  );
}
