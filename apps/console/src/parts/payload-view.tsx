import { useState } from 'preact/hooks';
import { bestForm, render } from '../text/payload.ts';
import type { PayloadForm } from '../text/payload.ts';

const forms = [
  ['text', 'Text'],
  ['json', 'JSON'],
  ['hex', 'Hex'],
] as const;

/** Bytes that are shown of a large payload. */
const shownBytesMax = 64 * 1024;

/** A payload as text, JSON or hexadecimal. */
export function PayloadView({ data }: { data: Uint8Array }) {
  const [chosen, setChosen] = useState<PayloadForm | null>(null);
  const shown = data.subarray(0, shownBytesMax);
  const form = chosen ?? bestForm(shown);
  return (
    <div class="payload">
      <div class="payload-forms" role="group" aria-label="Form of the payload">
        {forms.map(([value, text]) => (
          <button
            key={value}
            type="button"
            class="button button-small"
            aria-pressed={form === value}
            onClick={() => setChosen(value)}
          >
            {text}
          </button>
        ))}
      </div>
      <pre tabIndex={0} aria-label="Payload">
        {data.length === 0 ? '(empty)' : render(shown, form)}
      </pre>
      {shown.length < data.length && <p class="quiet small">Only the first 64 KiB are shown.</p>}
    </div>
  );
}
