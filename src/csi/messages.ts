import type { HealthProblem } from '../convoy/contract.ts';
import { CONTEXT } from '../convoy/names.ts';
import type { Snapshot, Volume, VolumeSource } from '../pool/api.ts';
import type { Snapshot as SnapshotMessage } from './gen/csi/v1/Snapshot.ts';
import type { Volume as VolumeMessage } from './gen/csi/v1/Volume.ts';
import type { VolumeContentSource } from './gen/csi/v1/VolumeContentSource.ts';
import type { VolumeHealth } from './gen/csi/v1/VolumeHealth.ts';
import { accessibleTopology } from './topology.ts';

/** What several RPCs answer with. */

export function volumeMessage(driverName: string, volume: Volume): VolumeMessage {
  return {
    volumeId: volume.id,
    capacityBytes: String(volume.sizeBytes),
    volumeContext: contextOf(volume),
    // The provisioner deletes a volume that does not name the source it asked for.
    contentSource: volume.source === undefined ? null : sourceMessage(volume.source),
    accessibleTopology: accessibleTopology(driverName, volume),
  };
}

/** volume_context: for people and for ValidateVolumeCapabilities; nothing of ours depends on it. */
export function contextOf(volume: Volume): Record<string, string> {
  return { [CONTEXT.pool]: volume.pool, [CONTEXT.driver]: volume.driver, [CONTEXT.sizeEnforced]: String(volume.sizeEnforced) };
}

export function snapshotMessage(driverName: string, snapshot: Snapshot): SnapshotMessage {
  return {
    snapshotId: snapshot.id,
    sourceVolumeId: snapshot.sourceVolumeId,
    sizeBytes: String(snapshot.sizeBytes),
    creationTime: timestamp(snapshot.createdAt),
    readyToUse: snapshot.readyToUse,
    accessibleTopology: accessibleTopology(driverName, snapshot),
  };
}

const HEALTH = { Degraded: 'DEGRADED', Inaccessible: 'INACCESSIBLE', DataLoss: 'DATA_LOSS' } as const satisfies Record<
  HealthProblem['status'],
  string
>;

export function healthMessage(volumeId: string, problems: readonly HealthProblem[]): VolumeHealth {
  const healthStatuses = mergeProblems(problems).map(({ status, reason, message }) => ({ status: HEALTH[status], reason, message }));
  return { volumeId, healthStatuses };
}

/** csi.proto: no two entries with the same (status, reason). Their messages are joined, so that nothing goes untold. */
export function mergeProblems(problems: readonly HealthProblem[]): readonly HealthProblem[] {
  const merged = new Map<string, HealthProblem>();
  for (const problem of problems) {
    const key = `${problem.status} ${problem.reason}`;
    const before = merged.get(key);
    merged.set(key, before === undefined ? problem : { ...before, message: `${before.message}; ${problem.message}` });
  }
  return [...merged.values()];
}

function sourceMessage(source: VolumeSource): VolumeContentSource {
  return source.kind === 'snapshot' ? { snapshot: { snapshotId: source.snapshotId } } : { volume: { volumeId: source.volumeId } };
}

function timestamp(date: Date): { seconds: string; nanos: number } {
  const milliseconds = date.getTime();
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: String(seconds), nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}
