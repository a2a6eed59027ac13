import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { parseRunbook, runbookName } from '../src/pages/runbooks/runbook-text.ts';

const folder = new URL('../../../monitoring/runbooks/', import.meta.url);

test('parses headings, paragraphs with code, and code between fences', () => {
  const text = '# Title\n\n## Meaning\n\nThe disk of\n`m1` is full.\n\n```sh\ndf -h\n\nls\n```\n';
  expect(parseRunbook(text)).toEqual([
    { kind: 'heading', text: 'Meaning' },
    {
      kind: 'paragraph',
      parts: [
        { text: 'The disk of ', isCode: false },
        { text: 'm1', isCode: true },
        { text: ' is full.', isCode: false },
      ],
    },
    { kind: 'code', text: 'df -h\n\nls' },
  ]);
});

test('shows the text of a link without its target', () => {
  expect(parseRunbook('See [the guide](../../docs/SLO.md#goals) and [`b`](b.md).')).toEqual([
    {
      kind: 'paragraph',
      parts: [
        { text: 'See the guide and ', isCode: false },
        { text: 'b', isCode: true },
        { text: '.', isCode: false },
      ],
    },
  ]);
});

test.each(readdirSync(folder))('shows no raw Markdown of %s', (file) => {
  const blocks = parseRunbook(readFileSync(new URL(file, folder), 'utf8'));
  expect(blocks.filter(({ kind }) => kind === 'heading').length).toBe(4);
  const texts = blocks.flatMap((block) =>
    block.kind === 'paragraph' ? block.parts.filter(({ isCode }) => !isCode).map(({ text }) => text) : [],
  );
  expect(texts.filter((text) => /^[-*|>]\s|\*\*|\]\(|^\d+\. /.test(text))).toEqual([]);
});

test('the name of a runbook comes from its path in the repository only', () => {
  expect(runbookName('monitoring/runbooks/MqttClusterMemberDown.md')).toBe('MqttClusterMemberDown');
  for (const place of ['https://example.org/a.md', 'monitoring/runbooks/../x.md', 'javascript:alert(1)'])
    expect(runbookName(place)).toBeNull();
});
