import { useEffect, useState } from 'preact/hooks';
import { describe } from '../../api/problem.ts';
import { getChangeEffect } from '../../api/requests.ts';
import type { ChangeEffect, MemberChange } from '../../api/types.ts';
import { confirm } from '../../parts/confirm.tsx';
import { Check } from '../../parts/field.tsx';
import { Loading } from '../../parts/states.tsx';

interface Ask {
  readonly title: string;
  readonly note: string;
  readonly action: string;
  readonly isDangerous?: boolean;
  /** A sentence about what "anyway" risks; null or absent: there is nothing to force. */
  readonly force?: string | null;
  readonly run: (isForced: boolean) => Promise<unknown>;
}

/** Asks before a change of the membership, and shows what it would do to the majority. */
export function askWithEffect(id: string, change: MemberChange, ask: Ask): void {
  let isForced = false;
  confirm({
    title: ask.title,
    body: (
      <>
        <p>{ask.note}</p>
        <Effect id={id} change={change} />
        {ask.force && (
          <>
            <p class="strip strip-warning">{ask.force}</p>
            <Force label={`${ask.action} anyway`} change={(value) => (isForced = value)} />
          </>
        )}
      </>
    ),
    action: ask.action,
    isDangerous: ask.isDangerous ?? false,
    run: () => ask.run(isForced),
  });
}

function Force({ label, change }: { label: string; change: (isChecked: boolean) => void }) {
  const [isChecked, setChecked] = useState(false);
  return (
    <Check
      label={label}
      isChecked={isChecked}
      onChange={(value) => {
        setChecked(value);
        change(value);
      }}
    />
  );
}

function Effect({ id, change }: { id: string; change: MemberChange }) {
  const [effect, setEffect] = useState<ChangeEffect | null>(null);
  const [error, setError] = useState('');
  useEffect(() => {
    const controller = new AbortController();
    getChangeEffect(id, change, controller.signal).then(setEffect, (reason: unknown) =>
      setError(describe(reason)),
    );
    return () => controller.abort();
  }, [id, change]);
  if (error !== '')
    return (
      <p class="strip strip-warning" role="alert">
        The effect on the majority is unknown: {error}
      </p>
    );
  if (effect === null) return <Loading what="the effect on the majority" />;
  const { allowed, votersNow, votersAfter, majorityAfter, text } = effect;
  return (
    <div class={`strip ${allowed && majorityAfter ? '' : 'strip-critical'}`}>
      <p>{text}</p>
      <p class="quiet">
        Voters: {votersNow} now, {votersAfter} afterwards.{' '}
        {majorityAfter ? 'A majority is reachable afterwards.' : 'No majority would be reachable afterwards.'}
        {!allowed && ' The cluster refuses this change now.'}
      </p>
    </div>
  );
}
