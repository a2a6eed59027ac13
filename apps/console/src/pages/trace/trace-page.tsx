import { useEffect, useRef, useState } from 'preact/hooks';
import { describe } from '../../api/problem.ts';
import { readStream } from '../../api/stream.ts';
import { route } from '../../app/router.ts';
import { Check, Choice, TextField } from '../../parts/field.tsx';
import { Needs } from '../../parts/needs.tsx';
import { PageHead } from '../../parts/page-head.tsx';
import { Empty, Missing } from '../../parts/states.tsx';
import { plural } from '../../text/format.ts';
import { TraceRows } from './trace-rows.tsx';
import { addItems, emptyTrace, parseTraceEvent, traceQuery } from './trace-state.ts';
import type { Subject, Trace } from './trace-state.ts';

const flushMs = 250;
const subjects = [
  ['client', 'Client identifier'],
  ['topic', 'Topic filter'],
  ['address', 'IP address'],
] as const;

/** Every packet of one client, address or topic filter, on every member, for at most ten minutes. */
export function TracePage() {
  return (
    <>
      <PageHead
        title="Trace"
        lead="Every packet of one client, topic filter or address, on every member, with the decision of the member."
      />
      <Needs role="admin" to="trace packets">
        <Tracer />
      </Needs>
    </>
  );
}

function Tracer() {
  const { query } = route.value;
  const first = subjects.find(([name]) => query[name])?.[0] ?? 'client';
  const [subject, setSubject] = useState<Subject>(first);
  const [text, setText] = useState(query[first] ?? '');
  const [minutes, setMinutes] = useState('1');
  const [hasPayload, setPayload] = useState(false);
  const [trace, setTrace] = useState<Trace>(emptyTrace);
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState('');
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);

  const start = async (): Promise<void> => {
    const controller = new AbortController();
    stop.current = controller;
    setRunning(true);
    setError('');
    setTrace(emptyTrace);
    // Packets are shown in groups, because a busy client sends thousands in a second.
    let waiting: ReturnType<typeof parseTraceEvent>[] = [];
    const flush = (): void => {
      const items = waiting;
      waiting = [];
      if (items.length > 0) setTrace((before) => addItems(before, items));
    };
    const timer = window.setInterval(flush, flushMs);
    try {
      await readStream(
        '/trace',
        traceQuery(subject, text, Number(minutes), hasPayload),
        controller.signal,
        (event) => waiting.push(parseTraceEvent(event)),
      );
    } catch (reason) {
      setError(describe(reason));
    } finally {
      window.clearInterval(timer);
      flush();
      if (stop.current === controller) {
        stop.current = null;
        setRunning(false);
      }
    }
  };

  return (
    <>
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          if (isRunning) stop.current?.abort();
          else void start();
        }}
      >
        <Choice
          label="Trace"
          value={subject}
          onChange={(value) => setSubject(value as Subject)}
          options={subjects}
          isDisabled={isRunning}
        />
        <TextField
          label={subjects.find(([name]) => name === subject)?.[1] ?? ''}
          isMono
          value={text}
          onChange={setText}
          isDisabled={isRunning}
          isRequired
        />
        <Choice
          label="Ends after"
          value={minutes}
          onChange={setMinutes}
          isDisabled={isRunning}
          options={[
            ['1', '1 minute'],
            ['5', '5 minutes'],
            ['10', '10 minutes'],
          ]}
        />
        <div class="field field-bottom">
          <Check label="With payloads" isChecked={hasPayload} onChange={setPayload} isDisabled={isRunning} />
        </div>
        <div class="field field-bottom">
          <button type="submit" class={isRunning ? 'button' : 'button button-main'}>
            {isRunning ? 'Stop' : 'Start the trace'}
          </button>
        </div>
      </form>
      {error !== '' && (
        <p class="strip strip-critical" role="alert">
          {error}
        </p>
      )}
      <Missing
        unreachable={trace.unreachable}
        tooOld={trace.tooOld}
        consequence="Packets at these members are missing."
      />
      {trace.missed > 0 && (
        <p class="strip strip-warning" role="status">
          {plural(trace.missed, 'packet')} came faster than the trace could send them and are missing.
        </p>
      )}
      {trace.items.length === 0 ? (
        <Empty title={isRunning ? 'The trace runs. No packet has matched yet.' : 'No packets.'}>
          Passwords are never part of a trace. Payloads are shown only if you ask for them.
        </Empty>
      ) : (
        <TraceRows trace={trace} isRunning={isRunning} />
      )}
    </>
  );
}
