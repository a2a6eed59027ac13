import { useState } from 'preact/hooks';
import type { IClientOptions } from 'mqtt';
import { me } from '../../api/authorization.ts';
import { ownClientId } from '../../mqtt/connection.ts';
import type { MqttConnection } from '../../mqtt/connection.ts';
import { Check, Choice, TextField } from '../../parts/field.tsx';
import { Section } from '../../parts/page-head.tsx';
import { topicError } from '../../text/topic-filter.ts';

const qosOptions = [
  ['0', 'QoS 0'],
  ['1', 'QoS 1'],
  ['2', 'QoS 2'],
] as const;

const stateTexts = {
  connecting: 'connecting',
  connected: 'connected',
  reconnecting: 'reconnecting',
  closed: 'not connected',
} as const;

export function ConnectForm({
  connection,
  loadError,
  connect,
  disconnect,
}: {
  connection: MqttConnection | null;
  loadError: string;
  connect: (options: IClientOptions) => void;
  disconnect: () => void;
}) {
  const [clientId, setClientId] = useState(() => ownClientId('try'));
  const [version, setVersion] = useState('5');
  const [isClean, setClean] = useState(true);
  const [expiry, setExpiry] = useState('300');
  const [hasWill, setHasWill] = useState(false);
  const [will, setWill] = useState({ topic: '', payload: '', qos: '0', retain: false, delay: '0' });
  const state = connection?.state.value ?? 'closed';
  const error = loadError || (connection?.error.value ?? '');
  const willError = hasWill ? topicError(will.topic) : null;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (connection !== null) return disconnect();
    if (willError !== null) return;
    const isVersion5 = version === '5';
    connect({
      protocolVersion: isVersion5 ? 5 : 4,
      clientId,
      clean: isClean,
      ...(isVersion5 && !isClean ? { properties: { sessionExpiryInterval: Number(expiry) } } : {}),
      ...(hasWill
        ? {
            will: {
              topic: will.topic,
              payload: new TextEncoder().encode(will.payload) as Buffer,
              qos: Number(will.qos) as 0 | 1 | 2,
              retain: will.retain,
              ...(isVersion5 ? { properties: { willDelayInterval: Number(will.delay) } } : {}),
            },
          }
        : {}),
    });
  };
  const isOpen = connection !== null;
  return (
    <Section
      title="Connection"
      note={
        <span class={state === 'connected' ? 'mark mark-good' : 'mark mark-off'}>{stateTexts[state]}</span>
      }
    >
      <form class="form" onSubmit={submit}>
        <TextField
          label="Client identifier"
          isMono
          value={clientId}
          onChange={setClientId}
          isDisabled={isOpen}
        />
        <Choice
          label="Version"
          value={version}
          onChange={setVersion}
          isDisabled={isOpen}
          options={[
            ['5', 'MQTT 5'],
            ['4', 'MQTT 3.1.1'],
          ]}
        />
        <div class="form-wide checks">
          <Check
            label={version === '5' ? 'Clean start' : 'Clean session'}
            isChecked={isClean}
            onChange={setClean}
            isDisabled={isOpen}
          />
          <Check label="With a will" isChecked={hasWill} onChange={setHasWill} isDisabled={isOpen} />
        </div>
        {version === '5' && !isClean && (
          <TextField
            label="Session expiry, seconds"
            type="number"
            min={0}
            max={0xffffffff}
            value={expiry}
            onChange={setExpiry}
            isDisabled={isOpen}
          />
        )}
        {hasWill && (
          <fieldset class="form form-wide inset" disabled={isOpen}>
            <legend>Will</legend>
            <TextField
              label="Will topic"
              isMono
              value={will.topic}
              onChange={(topic) => setWill({ ...will, topic })}
              error={will.topic === '' ? null : willError}
              isRequired
            />
            <TextField
              label="Will payload"
              isMono
              value={will.payload}
              onChange={(payload) => setWill({ ...will, payload })}
            />
            <Choice
              label="Will QoS"
              value={will.qos}
              onChange={(qos) => setWill({ ...will, qos })}
              options={qosOptions}
            />
            {version === '5' && (
              <TextField
                label="Delay, seconds"
                type="number"
                min={0}
                value={will.delay}
                onChange={(delay) => setWill({ ...will, delay })}
              />
            )}
            <Check
              label="Retain the will"
              isChecked={will.retain}
              onChange={(retain) => setWill({ ...will, retain })}
            />
          </fieldset>
        )}
        <div class="form-wide actions-row">
          <button type="submit" class={isOpen ? 'button' : 'button button-main'}>
            {isOpen ? 'Disconnect' : 'Connect'}
          </button>
          <span class="quiet small">
            {me.value?.user
              ? `As the user ${me.value.user}. The access rules hold.`
              : 'Without a user. No access rule applies.'}
          </span>
        </div>
        {error !== '' && state !== 'connected' && (
          <p class="field-error form-wide" role="alert">
            {error}
          </p>
        )}
      </form>
    </Section>
  );
}
