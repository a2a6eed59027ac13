/**
 * Names of the connections inside this process, instead of the name of a listener. No listener may have such a name, because
 * `$` is not allowed in the setting `mqtt.listeners`.
 */
export const internalListeners = { probe: '$probe', publisher: '$publisher' } as const;
