import { usePolled } from '../../api/polled.ts';
import { getRetained } from '../../api/requests.ts';
import { PayloadView } from '../../parts/payload-view.tsx';
import { Facts, Section } from '../../parts/page-head.tsx';
import { Empty, WithData } from '../../parts/states.tsx';
import { bytes, duration } from '../../text/format.ts';
import { fromBase64 } from '../../text/payload.ts';

const everyMs = 5_000;

/** One retained message with its payload and properties. */
export function MessageView({ topic, close }: { topic: string; close: () => void }) {
  const polled = usePolled((signal) => getRetained(topic, signal), everyMs, topic);
  return (
    <aside class="panel" aria-label={`Retained message of ${topic}`}>
      <Section
        title={topic}
        isCode
        actions={
          <button type="button" class="button button-small" onClick={close}>
            Close
          </button>
        }
      >
        {polled.error.value?.status === 404 ? (
          <Empty title="This topic has no retained message." />
        ) : (
          <WithData polled={polled} what="the message">
            {({ payload, payloadBytes, qos, expiresInSeconds, properties }) => (
              <>
                <Facts
                  items={[
                    ['Size', bytes(payloadBytes)],
                    ['QoS', String(qos)],
                    ['Expires', expiresInSeconds === null ? 'never' : `in ${duration(expiresInSeconds)}`],
                    ...Object.entries(properties).map(
                      ([name, value]) => [name, <span class="mono">{JSON.stringify(value)}</span>] as const,
                    ),
                  ]}
                />
                <PayloadView data={fromBase64(payload)} />
              </>
            )}
          </WithData>
        )}
      </Section>
    </aside>
  );
}
