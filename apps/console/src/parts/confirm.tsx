import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { describe } from '../api/problem.ts';

/** What an act may use while it runs. */
export interface RunningAct {
  /** Shows in the dialog how far the act is. */
  readonly report: (progress: string) => void;
  /** Aborts when the user closes the dialog. */
  readonly signal: AbortSignal;
}

export interface Confirmation {
  readonly title: string;
  /** What will happen. */
  readonly body: ComponentChildren;
  /** The verb of the button, such as `Disconnect`. */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** False: the dialog only informs, because the act is not possible. */
  readonly isPossible?: boolean;
  readonly run: (running: RunningAct) => Promise<unknown>;
}

const asked = signal<Confirmation | null>(null);

/** Asks the user before an act. The dialog stays open with the reason if the act fails. */
export function confirm(confirmation: Confirmation): void {
  asked.value = confirmation;
}

/** The place of the dialog. The page has it once. */
export function ConfirmDialog() {
  const confirmation = asked.value;
  return confirmation === null ? null : <OpenDialog key={confirmation.title} {...confirmation} />;
}

function OpenDialog({ title, body, action, isDangerous, isPossible = true, run }: Confirmation) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState('');
  const [progress, setProgress] = useState('');
  const ended = useRef(new AbortController());
  useEffect(() => dialog.current?.showModal(), []);
  const close = (): void => {
    ended.current.abort();
    dialog.current?.close();
    asked.value = null;
  };
  const act = async (): Promise<void> => {
    setBusy(true);
    setError('');
    try {
      await run({ report: setProgress, signal: ended.current.signal });
      // The user may have closed this dialog and opened another one.
      if (!ended.current.signal.aborted) close();
    } catch (reason) {
      setError(describe(reason));
      setProgress('');
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="dialog-title" onClose={close}>
      <h2 id="dialog-title">{title}</h2>
      <div class="dialog-body">{body}</div>
      {progress !== '' && <p role="status">{progress}</p>}
      {error !== '' && (
        <p class="field-error" role="alert">
          {error}
        </p>
      )}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick={close}>
          {isPossible ? 'Cancel' : 'Close'}
        </button>
        {isPossible && (
          <button
            type="button"
            class={isDangerous ? 'button button-danger' : 'button button-main'}
            disabled={isBusy}
            onClick={() => void act()}
          >
            {isBusy ? `${action}…` : action}
          </button>
        )}
      </div>
    </dialog>
  );
}
