/** Every metric that is served. docs/metrics.md lists the same, and a test compares the two. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
}

export const METRICS = {
  convoy_build_info: { type: 'gauge', help: 'Always 1; the labels say what runs.', labels: ['version', 'node_version', 'role'] },
  convoy_csi_calls_total: { type: 'counter', help: 'Finished calls by method and gRPC status.', labels: ['method', 'code'] },
  convoy_csi_call_seconds: { type: 'histogram', help: 'Duration of finished calls.', labels: ['method'] },
  convoy_driver_calls_total: {
    type: 'counter',
    help: "Finished calls of a pool's driver, by error code.",
    labels: ['pool', 'call', 'code'],
  },
  convoy_driver_call_seconds: { type: 'histogram', help: "Duration of a pool's driver calls.", labels: ['pool', 'call'] },
  convoy_jobs: { type: 'gauge', help: 'Long work by state.', labels: ['pool', 'kind', 'state'] },
  convoy_job_bytes_total: { type: 'counter', help: 'Bytes that jobs have copied since the start.', labels: ['pool', 'kind'] },
  convoy_pool_open: { type: 'gauge', help: '1 if the pool is open, 0 if it is unavailable.', labels: ['pool', 'driver'] },
  convoy_pool_size_bytes: { type: 'gauge', help: "Size of the pool's storage.", labels: ['pool'] },
  convoy_pool_available_bytes: { type: 'gauge', help: 'Bytes that can still be promised to volumes.', labels: ['pool'] },
  convoy_pool_promised_bytes: { type: 'gauge', help: 'Sizes promised to volumes and snapshots together.', labels: ['pool'] },
  convoy_volumes: { type: 'gauge', help: 'Volumes of the pool.', labels: ['pool'] },
  convoy_snapshots: { type: 'gauge', help: 'Snapshots of the pool.', labels: ['pool'] },
  convoy_trash_entries: { type: 'gauge', help: 'Deleted objects that still take space.', labels: ['pool'] },
  convoy_trash_bytes: { type: 'gauge', help: 'Sizes of the deleted objects that still take space.', labels: ['pool'] },
  convoy_volume_problems: { type: 'gauge', help: 'Volumes that are not healthy.', labels: ['status', 'reason'] },
  convoy_agents: { type: 'gauge', help: 'Node agents by state, as the controller sees them.', labels: ['state'] },
  convoy_agent_refusals_total: {
    type: 'counter',
    help: 'Connections and calls between controller and agents that were refused, by reason.',
    labels: ['reason'],
  },
  convoy_orphan_volumes: { type: 'gauge', help: 'Volumes that no PersistentVolume names.', labels: [] },
  convoy_orphan_bytes: { type: 'gauge', help: 'Sizes of the volumes that no PersistentVolume names.', labels: [] },
  convoy_orphan_silent_nodes: {
    type: 'gauge',
    help: 'Nodes that could not be asked when orphans were counted: what is on them is in neither count.',
    labels: [],
  },
  convoy_lost_volumes: { type: 'gauge', help: 'PersistentVolumes whose volume does not exist.', labels: [] },
  process_resident_memory_bytes: { type: 'gauge', help: 'Resident memory size in bytes.', labels: [] },
  process_start_time_seconds: { type: 'gauge', help: 'Start time of the process since unix epoch in seconds.', labels: [] },
} as const satisfies Record<string, MetricDefinition>;
export type MetricName = keyof typeof METRICS;

type NameOf<T extends MetricDefinition['type']> = { [K in MetricName]: (typeof METRICS)[K]['type'] extends T ? K : never }[MetricName];
export type GaugeName = NameOf<'gauge'>;

/** One value of a gauge, gathered when it is asked for. */
export interface Sample {
  readonly name: GaugeName;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}
