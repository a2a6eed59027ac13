import { duration, names } from '../text/format.ts';
import { askedMember, members, overview, overviewError, overviewRetryInMs } from './overview.ts';

/** The warning above each page: the member that serves the page is silent or isolated, or other members are missing. */
export function Banner() {
  const error = overviewError.value;
  const retryInMs = overviewRetryInMs.value;
  const asked = askedMember.value;
  const silent = members.value.filter(({ reachable }) => !reachable).map(({ id }) => id);
  return (
    <div class="banners" role="status">
      {error !== null && overview.value !== null && (
        <p class="strip strip-critical">
          {error.message} What you see is old.
          {retryInMs !== null && ` The next attempt is in ${duration(retryInMs / 1000)}.`}
        </p>
      )}
      {asked?.state === 'isolated' && (
        <p class="strip strip-critical">
          <strong>{asked.id}</strong>, which serves this page, is isolated: it does not reach a majority of
          the members. Sessions, retained messages and settings may be old here, and changes wait until it
          reaches the majority again.
        </p>
      )}
      {error === null && silent.length > 0 && (
        <p class="strip strip-warning">
          {asked === null ? 'The asked member' : <strong>{asked.id}</strong>} does not reach{' '}
          <strong>{names(silent)}</strong>. Figures of {silent.length === 1 ? 'this member' : 'these members'}{' '}
          are missing.
        </p>
      )}
    </div>
  );
}
