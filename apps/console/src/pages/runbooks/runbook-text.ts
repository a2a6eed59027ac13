/** A part of a runbook. Runbooks use these forms of Markdown only. */
export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'paragraph'; readonly parts: readonly Part[] };

/** A part of a paragraph: text, or code between backticks. */
interface Part {
  readonly text: string;
  readonly isCode: boolean;
}

const fence = /^```/;
/** A link. The console shows its text only: its target is a file of the repository. */
const link = /\[([^\]]*)\]\([^)]*\)/g;

/** Parses a runbook: headings of level 2, code between fences, and paragraphs. The title is left out. */
export function parseRunbook(markdown: string): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let code: string[] | null = null;
  const endParagraph = (): void => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', parts: partsOf(paragraph.join(' ')) });
    paragraph = [];
  };
  for (const line of markdown.split(/\r?\n/)) {
    if (fence.test(line)) {
      endParagraph();
      if (code !== null) blocks.push({ kind: 'code', text: code.join('\n') });
      code = code === null ? [] : null;
    } else if (code !== null) code.push(line);
    else if (line.startsWith('#')) {
      endParagraph();
      if (line.startsWith('## ')) blocks.push({ kind: 'heading', text: line.slice(3).trim() });
    } else if (line.trim() === '') endParagraph();
    else paragraph.push(line.trim());
  }
  endParagraph();
  return blocks;
}

function partsOf(text: string): Part[] {
  return text
    .replace(link, '$1')
    .split('`')
    .map((part, index) => ({ text: part, isCode: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}

/** Returns the name of a runbook from its path in the repository, or null for another place. */
export function runbookName(place: string): string | null {
  return /^monitoring\/runbooks\/(\w+)\.md$/.exec(place)?.[1] ?? null;
}
