import type { PropertiesItem } from '@mqtt-cluster/api';
import type { MessageProperties } from '@mqtt-cluster/contracts';

/** Returns the properties of a message as the API shows them. */
export function propertiesItem(properties: MessageProperties = {}): PropertiesItem {
  const { correlationData, userProperties, ...others } = properties;
  return {
    ...others,
    ...(correlationData !== undefined && {
      correlationData: Buffer.from(correlationData).toString('base64'),
    }),
    ...(userProperties !== undefined && { userProperties: userProperties.map((pair) => [...pair]) }),
  };
}
