import { Witness } from '@mqtt-cluster/workload';

/** All clients and topics of an attack begin with this text, except those that belong to others. */
export const attackPrefix = 'fuzz';

/** Users of the attack. The first one may publish and subscribe, the second one may subscribe and publish to its own topics. */
export const attackUsers = ['fuzz-writer', 'fuzz-reader'] as const;
export const attackPassword = 'a password of the attack';
export const witnessUser = 'witness';

/** A user of the cluster with the role operator, for requests to the HTTP API. */
export const operatorUser = 'fuzz-operator';

/** A message without a payload drains the member and ends its process, if its publisher has the role operator. */
export const drainTopic = '$cluster/admin/drain';

/** Topics, filters and clients that no client of the attack may use, except the drain topic by the operator. */
export const foreignTopics = [
  'witness/number/0',
  'witness/number/1',
  'witness/number/9',
  '$SYS/cluster/members',
  '$bridge/raft',
  drainTopic,
] as const;
export const foreignFilters = [
  '#',
  'witness/#',
  'witness/number/+',
  '+/number/0',
  '$share/g/#',
  '$share/g/witness/number/+',
  '$SYS/#',
] as const;
export const foreignClients: readonly string[] = Witness.clientIds(3);

/** The ACL file of the attacked cluster. Clients without a user have the rights of a writer. */
export const aclFile = `topic readwrite ${attackPrefix}/#
user ${attackUsers[0]}
topic readwrite ${attackPrefix}/#
user ${attackUsers[1]}
topic read ${attackPrefix}/#
user ${operatorUser}
topic readwrite ${attackPrefix}/#
user ${witnessUser}
topic readwrite witness/#
pattern readwrite ${attackPrefix}/%u/#
`;
