import { useEffect, useRef, useState } from 'preact/hooks';
import type { IClientOptions } from 'mqtt';
import { openMqtt } from '../../mqtt/connection.ts';
import type { MqttConnection } from '../../mqtt/connection.ts';
import { PageHead, Section } from '../../parts/page-head.tsx';
import { ConnectForm } from './connect-form.tsx';
import { MessageList } from './message-list.tsx';
import { describeProperties, logged, withOutcome } from './message-log.ts';
import type { LoggedMessage } from './message-log.ts';
import { PublishForm } from './publish-form.tsx';
import type { Publication } from './publish-form.tsx';
import { SubscribeForm } from './subscribe-form.tsx';
import type { OwnSubscription } from './subscribe-form.tsx';

/** A client of MQTT in the page. Its connection goes to the member that served the page. */
export function TryPage() {
  const [connection, setConnection] = useState<MqttConnection | null>(null);
  const [loadError, setLoadError] = useState('');
  const [messages, setMessages] = useState<readonly LoggedMessage[]>([]);
  const [subscriptions, setSubscriptions] = useState<readonly OwnSubscription[]>([]);
  const last = useRef(0);
  const current = useRef<MqttConnection | null>(null);
  useEffect(() => () => current.current?.end(), []);

  const connect = (options: IClientOptions): void => {
    setLoadError('');
    openMqtt(options).then(
      (opened) => {
        opened.client.on('message', (topic, payload, { qos, retain, dup, properties }) => {
          last.current += 1;
          const message: LoggedMessage = {
            number: last.current,
            atMs: Date.now(),
            direction: 'received',
            topic,
            payload,
            qos,
            isRetained: retain,
            isDuplicate: dup,
            properties: describeProperties(properties as Record<string, unknown> | undefined),
            outcome: '',
          };
          setMessages((list) => logged(list, message));
        });
        current.current = opened;
        setSubscriptions([]);
        setConnection(opened);
      },
      () => setLoadError('mqtt.js could not be loaded.'),
    );
  };

  const publish = ({ topic, payload, options }: Publication): void => {
    if (connection === null) return;
    last.current += 1;
    const number = last.current;
    const qos = options.qos ?? 0;
    setMessages((list) =>
      logged(list, {
        number,
        atMs: Date.now(),
        direction: 'sent',
        topic,
        payload,
        qos,
        isRetained: options.retain === true,
        isDuplicate: false,
        properties: describeProperties(options.properties as Record<string, unknown> | undefined),
        outcome: qos === 0 ? '' : 'waits for the acknowledgement',
      }),
    );
    connection.client.publish(topic, payload as Buffer, options, (error) => {
      const done = qos === 0 ? 'sent' : qos === 1 ? 'acknowledged' : 'completed';
      setMessages((list) => withOutcome(list, number, error ? error.message : done));
    });
  };

  const isConnected = connection?.state.value === 'connected';
  return (
    <>
      <PageHead
        title="Try it"
        lead="A client of MQTT in this page. It connects over WebSocket to the member that served the page."
      />
      <div class="columns columns-wide">
        <div>
          <ConnectForm
            connection={connection}
            loadError={loadError}
            connect={connect}
            disconnect={() => {
              connection?.client.end();
              setConnection(null);
              current.current = null;
            }}
          />
          <Section title="Publish">
            <PublishForm isConnected={isConnected} publish={publish} />
          </Section>
          <Section title="Subscribe">
            <SubscribeForm
              client={isConnected ? (connection?.client ?? null) : null}
              subscriptions={subscriptions}
              change={setSubscriptions}
            />
          </Section>
        </div>
        <Section
          title="Messages"
          note="newest first"
          actions={
            <button
              type="button"
              class="button button-small"
              disabled={messages.length === 0}
              onClick={() => setMessages([])}
            >
              Clear
            </button>
          }
        >
          <MessageList messages={messages} />
        </Section>
      </div>
    </>
  );
}
