import { useState } from 'preact/hooks';
import { usePolled } from '../../api/polled.ts';
import { getRules, replaceRules } from '../../api/requests.ts';
import type { Rule } from '../../api/types.ts';
import { announce } from '../../app/announce.ts';
import { confirm } from '../../parts/confirm.tsx';
import { TextArea } from '../../parts/field.tsx';
import { Section } from '../../parts/page-head.tsx';
import { WithData } from '../../parts/states.tsx';
import { plural } from '../../text/format.ts';

const everyMs = 10_000;

/** The access rules as JSON, in the order in which they decide. */
export function RulesSection() {
  const polled = usePolled(getRules, everyMs, 'rules');
  return (
    <Section title="Access rules" note="the first rule that matches decides">
      <WithData polled={polled} what="the rules">
        {({ rules, version }) => <RulesEditor key={version} rules={rules} refresh={polled.refresh} />}
      </WithData>
    </Section>
  );
}

function RulesEditor({ rules, refresh }: { rules: readonly Rule[]; refresh: () => void }) {
  const saved = printRules(rules);
  const [text, setText] = useState(saved);
  const parsed = parseRules(text);
  const save = (): void => {
    if (typeof parsed === 'string') return;
    confirm({
      title: `Replace ${plural(rules.length, 'rule')} by ${parsed.length}?`,
      body: <p>The new rules hold at once. Clients that lose a right that they use are disconnected.</p>,
      action: 'Replace the rules',
      isDangerous: true,
      run: async () => {
        await replaceRules(parsed);
        announce('The rules were replaced.');
        refresh();
      },
    });
  };
  return (
    <>
      <TextArea
        label="Rules"
        rows={12}
        value={text}
        onChange={setText}
        error={typeof parsed === 'string' ? parsed : null}
        hint={
          rules.length === 0
            ? 'Without rules each client may publish and subscribe to everything.'
            : undefined
        }
      />
      <div class="actions-row with-gap-above">
        <button
          type="button"
          class="button"
          disabled={text === saved || typeof parsed === 'string'}
          onClick={save}
        >
          Replace the rules…
        </button>
        <button type="button" class="link-button" disabled={text === saved} onClick={() => setText(saved)}>
          Reset
        </button>
      </div>
    </>
  );
}

/** Returns the rules as JSON with one rule in a line. */
function printRules(rules: readonly Rule[]): string {
  return rules.length === 0 ? '[]' : `[\n${rules.map((rule) => `  ${JSON.stringify(rule)}`).join(',\n')}\n]`;
}

/** Returns the rules, or a sentence about what is wrong. The member checks the fields of each rule. */
function parseRules(text: string): Rule[] | string {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? (value as Rule[]) : 'The rules are a JSON array.';
  } catch (error) {
    return `This is no JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}
