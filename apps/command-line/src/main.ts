import { apiPrefix } from '@mqtt-cluster/api';

export const statusPath = `${apiPrefix}/status`;
