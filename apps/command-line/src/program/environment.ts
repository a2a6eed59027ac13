/** The variables of the environment that the command line reads. */
export const environmentVariables = [
  'MQTT_CLUSTER_SERVERS',
  'MQTT_CLUSTER_TOKEN_FILE',
  'MQTT_CLUSTER_TOKEN',
] as const;

export type Environment = Readonly<Partial<Record<(typeof environmentVariables)[number], string>>>;
