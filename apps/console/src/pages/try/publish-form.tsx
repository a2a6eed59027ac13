import { useState } from 'preact/hooks';
import type { IClientPublishOptions } from 'mqtt';
import { describe } from '../../api/problem.ts';
import { Check, Choice, TextArea, TextField } from '../../parts/field.tsx';
import { topicError } from '../../text/topic-filter.ts';
import { parseUserProperties } from './message-log.ts';

export interface Publication {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly options: IClientPublishOptions;
}

export function PublishForm({
  isConnected,
  publish,
}: {
  isConnected: boolean;
  publish: (message: Publication) => void;
}) {
  const [topic, setTopic] = useState('test/hello');
  const [payload, setPayload] = useState('{"hello": "world"}');
  const [qos, setQoS] = useState('1');
  const [isRetained, setRetained] = useState(false);
  const [properties, setProperties] = useState({ contentType: '', expiry: '', responseTopic: '', user: '' });
  const [error, setError] = useState('');
  const problem = topicError(topic);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (problem !== null || !isConnected) return;
    try {
      const user = parseUserProperties(properties.user);
      const given = {
        ...(properties.contentType === '' ? {} : { contentType: properties.contentType }),
        ...(properties.expiry === '' ? {} : { messageExpiryInterval: Number(properties.expiry) }),
        ...(properties.responseTopic === '' ? {} : { responseTopic: properties.responseTopic }),
        ...(Object.keys(user).length === 0 ? {} : { userProperties: user }),
      };
      publish({
        topic,
        payload: new TextEncoder().encode(payload),
        options: {
          qos: Number(qos) as 0 | 1 | 2,
          retain: isRetained,
          ...(Object.keys(given).length === 0 ? {} : { properties: given }),
        },
      });
      setError('');
    } catch (reason) {
      setError(describe(reason));
    }
  };
  const change = (part: Partial<typeof properties>): void => setProperties({ ...properties, ...part });
  return (
    <form class="form" onSubmit={submit}>
      <TextField label="Topic" isMono isWide value={topic} onChange={setTopic} error={problem} />
      <TextArea label="Payload" isWide rows={3} value={payload} onChange={setPayload} />
      <Choice
        label="Publish with"
        value={qos}
        onChange={setQoS}
        options={[
          ['0', 'QoS 0: at most once'],
          ['1', 'QoS 1: at least once'],
          ['2', 'QoS 2: exactly once'],
        ]}
      />
      <div class="field-bottom">
        <Check label="Retain" isChecked={isRetained} onChange={setRetained} />
      </div>
      <details class="form-wide">
        <summary>Properties of MQTT 5</summary>
        <div class="form inset">
          <TextField
            label="Content type"
            value={properties.contentType}
            onChange={(contentType) => change({ contentType })}
          />
          <TextField
            label="Expiry, seconds"
            type="number"
            min={0}
            value={properties.expiry}
            onChange={(expiry) => change({ expiry })}
          />
          <TextField
            label="Response topic"
            isMono
            value={properties.responseTopic}
            onChange={(responseTopic) => change({ responseTopic })}
          />
          <TextArea
            label="User properties"
            rows={2}
            hint="One in a line: name: value"
            isWide
            value={properties.user}
            onChange={(user) => change({ user })}
          />
        </div>
      </details>
      <div class="form-wide actions-row">
        <button type="submit" class="button button-main" disabled={!isConnected || problem !== null}>
          Publish
        </button>
        {!isConnected && <span class="quiet small">Connect first.</span>}
      </div>
      {error !== '' && (
        <p class="field-error form-wide" role="alert">
          {error}
        </p>
      )}
    </form>
  );
}
