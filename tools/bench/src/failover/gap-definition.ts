/** Definition of a gap, which the report and the help contain. */
export const gapDefinition = `A gap is the longest time without an acknowledgement (publisher, QoS 1) or without a message (subscriber) that ended
after the fault. It usually lasts from the last event before the fault to the first event after the fault. A gap is never
shorter than the interval between two messages. All clients are connected to the same member when it fails. This member is the
leader in at least half of the rounds.`;
