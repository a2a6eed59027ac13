/** HTTP paths of the admin interface. Operators and playbooks use them, so they never change. */
export const adminPaths = {
  clusterHealth: '/cluster/health',
  members: '/admin/members',
  settings: '/admin/settings',
  backup: '/admin/backup',
  add: '/admin/members/add',
  remove: '/admin/members/remove',
  transfer: '/admin/transfer-leadership',
  bootstrap: '/admin/bootstrap',
  drain: '/admin/drain',
  undrain: '/admin/undrain',
  drainShort: '/drain',
  undrainShort: '/undrain',
  users: '/cluster/users',
  rules: '/cluster/rules',
} as const;

/** User agent of the admin command of older versions, which uses these paths. */
export const adminUserAgent = 'mqtt-cluster-admin';
