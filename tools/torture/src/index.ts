export type * from '@mqtt-cluster/history-checker';
