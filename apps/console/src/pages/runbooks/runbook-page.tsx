import { useEffect, useState } from 'preact/hooks';
import { href, route } from '../../app/router.ts';
import { PageHead } from '../../parts/page-head.tsx';
import { Empty, Loading } from '../../parts/states.tsx';
import { parseRunbook } from './runbook-text.ts';
import type { Block } from './runbook-text.ts';

/** `#/runbooks/NAME`: the runbook of an alert. The build of the console contains all runbooks. */
export function RunbookPage() {
  const name = route.value.path[1] ?? '';
  return <Runbook key={name} name={name} />;
}

function Runbook({ name }: { name: string }) {
  const [blocks, setBlocks] = useState<readonly Block[] | null>(null);
  const [isMissing, setMissing] = useState(false);
  useEffect(() => {
    readRunbook(name).then(
      (text) => setBlocks(parseRunbook(text)),
      () => setMissing(true),
    );
  }, [name]);
  return (
    <>
      <p class="breadcrumb">
        <a href={href(['overview'])}>Overview</a>
      </p>
      <PageHead title={name || 'Runbooks'} lead="What an alert means, and what to do." />
      {isMissing ? (
        <Empty title="There is no such runbook." />
      ) : blocks === null ? (
        <Loading what="the runbook" />
      ) : (
        <article class="runbook">
          {blocks.map((block, index) => (
            <BlockView key={index} block={block} />
          ))}
        </article>
      )}
    </>
  );
}

/** Loads the text of a runbook. The build puts each text into a file of its own. */
async function readRunbook(name: string): Promise<string> {
  const { default: text } = (await import(`../../../../../monitoring/runbooks/${name}.md`)) as {
    readonly default: string;
  };
  return text;
}

function BlockView({ block }: { block: Block }) {
  if (block.kind === 'heading') return <h2>{block.text}</h2>;
  if (block.kind === 'code') return <pre tabIndex={0}>{block.text}</pre>;
  return (
    <p>
      {block.parts.map(({ text, isCode }, index) =>
        isCode ? <code key={index}>{text}</code> : <span key={index}>{text}</span>,
      )}
    </p>
  );
}
