/** HTTP paths that every program serves. Prometheus, load balancers and playbooks use them, so they never change. */
export const httpPaths = {
  metrics: '/metrics',
  health: '/healthz',
  ready: '/readyz',
  status: '/status',
} as const;
