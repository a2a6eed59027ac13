/**
 * Metrics of other programs that rules and dashboards use, with their labels. The catalogue lists only metrics of the
 * product. The tests compare the lists of Prometheus and Alertmanager with running programs.
 */
export const foreignMetrics = {
  /** Series that Prometheus itself writes: they have the labels of the targets or alerts. */
  written: { up: null, ALERTS: null },
  /** prom-client, and the client libraries of the other programs. */
  process: {
    process_cpu_seconds_total: [],
    process_resident_memory_bytes: [],
    process_open_fds: [],
    process_max_fds: [],
    nodejs_heap_size_used_bytes: [],
  },
  prometheus: {
    prometheus_config_last_reload_successful: [],
    prometheus_rule_evaluation_failures_total: ['rule_group'],
    prometheus_rule_group_iterations_missed_total: ['rule_group'],
    prometheus_notifications_alertmanagers_discovered: [],
    prometheus_notifications_errors_total: ['alertmanager'],
    prometheus_notifications_dropped_total: [],
    prometheus_tsdb_compactions_failed_total: [],
    prometheus_tsdb_head_truncations_failed_total: [],
    prometheus_tsdb_wal_corruptions_total: [],
  },
  alertmanager: {
    alertmanager_config_last_reload_successful: [],
    alertmanager_notifications_failed_total: ['integration'],
  },
  haproxy: {
    haproxy_backend_active_servers: ['proxy'],
    haproxy_server_status: ['proxy', 'server', 'state'],
  },
  node: {
    node_time_seconds: [],
    node_timex_sync_status: [],
    node_timex_offset_seconds: [],
    node_timex_maxerror_seconds: [],
    node_filesystem_avail_bytes: ['device', 'fstype', 'mountpoint'],
    node_filesystem_size_bytes: ['device', 'fstype', 'mountpoint'],
    node_filesystem_files: ['device', 'fstype', 'mountpoint'],
    node_filesystem_files_free: ['device', 'fstype', 'mountpoint'],
    node_filesystem_readonly: ['device', 'fstype', 'mountpoint'],
    node_filefd_allocated: [],
    node_filefd_maximum: [],
    node_memory_MemAvailable_bytes: [],
    node_memory_MemTotal_bytes: [],
    node_pressure_memory_waiting_seconds_total: [],
    node_vmstat_oom_kill: [],
    node_cpu_seconds_total: ['cpu', 'mode'],
    node_md_disks: ['device', 'state'],
    node_md_disks_required: ['device'],
    node_hwmon_temp_celsius: ['chip', 'sensor'],
    node_hwmon_temp_crit_celsius: ['chip', 'sensor'],
    node_thermal_zone_temp: ['zone', 'type'],
    node_systemd_unit_state: ['name', 'state', 'type'],
    // The program of the role `backup` writes it for the node exporter.
    mqtt_cluster_backup_last_success_timestamp_seconds: [],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[] | null>>>>;

/** The labels of each metric. Null: the metric may have any labels. */
export const foreignLabels: ReadonlyMap<string, readonly string[] | null> = new Map(
  Object.values(foreignMetrics).flatMap((metrics) => Object.entries(metrics)),
);
