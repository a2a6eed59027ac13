import type { Overview } from '../../api/types.ts';
import { href } from '../../app/router.ts';
import { runbookName } from '../runbooks/runbook-text.ts';

/** What is wrong, in words, and the runbook for it. */
export function Problems({ problems }: { problems: Overview['problems'] }) {
  if (problems.length === 0)
    return (
      <p class="all-well" role="status">
        <span class="mark mark-good">No problems</span>
      </p>
    );
  return (
    <ul class="problems" aria-label="Problems" role="list">
      {problems.map(({ severity, text, runbook }) => (
        <li key={text} class={`strip strip-${severity}`}>
          <strong class="severity">{severity}</strong> {text}{' '}
          {runbook !== undefined && <Runbook place={runbook} />}
        </li>
      ))}
    </ul>
  );
}

function Runbook({ place }: { place: string }) {
  const name = runbookName(place);
  if (name !== null) return <a href={href(['runbooks', name])}>Runbook</a>;
  // Only a link of the web or of this member may become a link; anything else is shown as text.
  if (!/^(https?:\/\/|\/(?!\/))/.test(place)) return <span class="quiet">Runbook: {place}</span>;
  return (
    <a href={place} rel="noopener noreferrer" target="_blank">
      Runbook
    </a>
  );
}
