import { useState } from 'preact/hooks';
import type { MqttClient } from 'mqtt';
import { Choice, TextField } from '../../parts/field.tsx';
import { filterError } from '../../text/topic-filter.ts';

/** A subscription of the page, with the QoS that the member granted. */
export interface OwnSubscription {
  readonly filter: string;
  readonly granted: number;
}

const refusedMin = 0x80;

export function SubscribeForm({
  client,
  subscriptions,
  change,
}: {
  /** Null while there is no connection. */
  client: MqttClient | null;
  subscriptions: readonly OwnSubscription[];
  change: (subscriptions: readonly OwnSubscription[]) => void;
}) {
  const [filter, setFilter] = useState('test/#');
  const [qos, setQoS] = useState('1');
  const [error, setError] = useState('');
  const problem = filterError(filter);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (client === null || problem !== null) return;
    client.subscribe(filter, { qos: Number(qos) as 0 | 1 | 2 }, (reason, grants) => {
      const granted = grants?.[0]?.qos ?? Number(qos);
      if (reason !== null || granted >= refusedMin) {
        setError(
          `The member refused the subscription to ${filter}: ${reason?.message ?? `code ${granted}`}.`,
        );
        return;
      }
      setError('');
      change([...subscriptions.filter((item) => item.filter !== filter), { filter, granted }]);
    });
  };
  const remove = (removed: string): void => {
    client?.unsubscribe(removed);
    change(subscriptions.filter((item) => item.filter !== removed));
  };
  return (
    <>
      <form class="form" onSubmit={submit}>
        <TextField label="Topic filter" isMono value={filter} onChange={setFilter} error={problem} />
        <Choice
          label="Subscribe with"
          value={qos}
          onChange={setQoS}
          options={[
            ['0', 'QoS 0'],
            ['1', 'QoS 1'],
            ['2', 'QoS 2'],
          ]}
        />
        <div class="form-wide actions-row">
          <button type="submit" class="button" disabled={client === null || problem !== null}>
            Subscribe
          </button>
        </div>
      </form>
      {error !== '' && (
        <p class="field-error" role="alert">
          {error}
        </p>
      )}
      {subscriptions.length > 0 && (
        <ul class="chips" aria-label="Subscriptions of this page">
          {subscriptions.map(({ filter: own, granted }) => (
            <li key={own}>
              <span class="mono">{own}</span> <span class="quiet">QoS {granted}</span>{' '}
              <button
                type="button"
                class="link-button"
                aria-label={`Unsubscribe from ${own}`}
                onClick={() => remove(own)}
              >
                Unsubscribe
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
