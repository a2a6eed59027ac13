/** A message that the page has sent or received. */
export interface LoggedMessage {
  readonly number: number;
  readonly atMs: number;
  readonly direction: 'sent' | 'received';
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly isRetained: boolean;
  readonly isDuplicate: boolean;
  /** Properties of MQTT 5 as text; empty without properties. */
  readonly properties: string;
  /** What became of a sent message. */
  readonly outcome: string;
}

const messagesMax = 300;

/** Adds a message at the front. The list keeps the newest 300. */
export function logged(messages: readonly LoggedMessage[], message: LoggedMessage): readonly LoggedMessage[] {
  return [message, ...messages].slice(0, messagesMax);
}

/** Sets what became of a sent message. */
export function withOutcome(
  messages: readonly LoggedMessage[],
  number: number,
  outcome: string,
): readonly LoggedMessage[] {
  return messages.map((message) => (message.number === number ? { ...message, outcome } : message));
}

/**
 * Parses lines `name: value` into user properties. A name may occur several times.
 *
 * @throws Error with a sentence for the user
 */
export function parseUserProperties(text: string): Record<string, string[]> {
  const properties: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const line of text.split('\n').filter((item) => item.trim() !== '')) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`User properties are lines of the form name: value; "${line}" is not.`);
    const name = line.slice(0, colon).trim();
    (properties[name] ??= []).push(line.slice(colon + 1).trim());
  }
  return properties;
}

/** Returns the properties of a received message as one line. */
export function describeProperties(properties: Readonly<Record<string, unknown>> | undefined): string {
  return Object.entries(properties ?? {})
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        `${name}: ${value instanceof Uint8Array ? new TextDecoder().decode(value) : typeof value === 'string' ? value : JSON.stringify(value)}`,
    )
    .join(', ');
}
