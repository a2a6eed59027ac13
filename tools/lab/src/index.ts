export type { ApplianceBuild } from './cluster/appliance-build.ts';
export type { Cluster } from './cluster/cluster.ts';
export { parseOverride } from './cluster/environment.ts';
export type { FaultAction } from './fault-forms.ts';
export type { MemberPlace } from './layout.ts';
export { LabLoad } from './load/lab-load.ts';
export type { LoadVerdict } from './load/lab-load.ts';
export { startCluster } from './start-cluster.ts';
export type { RunningCluster } from './start-cluster.ts';
