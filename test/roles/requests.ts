import assert from 'node:assert/strict';
import { type ClusterRig, DRIVER_NAME } from '../support/cluster-rig.ts';
import { CsiError, callUntilDone, type RequestOf } from '../support/csi.ts';
import { type CreateRequest, type CsiSnapshot, type CsiVolume, createVolumeRequest, given } from '../support/volumes.ts';

/** What the provisioner asks for when the scheduler has chosen, or has not. */
export interface PlacedRequest extends CreateRequest {
  /** Nodes that will do, the best one first; left out: anywhere, without a word on topology. */
  readonly on?: readonly string[];
}

export const SIZE = 16n << 20n;
const KEY = `${DRIVER_NAME}/node`;

export const termOf = (node: string): { segments: Record<string, string> } => ({ segments: { [KEY]: node } });

export function placedRequest(name: string, { on, ...request }: PlacedRequest = {}): RequestOf<'CreateVolume'> {
  const preferred = on?.map(termOf);
  return {
    ...createVolumeRequest(name, { sizeBytes: SIZE, ...request }),
    // As the provisioner does: requisite in an order of its own.
    accessibilityRequirements: preferred === undefined ? null : { requisite: preferred.toSorted(byNode), preferred },
  };
}

const byNode = (one: { segments: Record<string, string> }, other: { segments: Record<string, string> }): number =>
  String(one.segments[KEY]).localeCompare(String(other.segments[KEY]));

/** As a sidecar calls: again after ABORTED. */
export async function create(rig: ClusterRig, name: string, request?: PlacedRequest): Promise<CsiVolume> {
  return given((await callUntilDone(rig.csi, 'CreateVolume', placedRequest(name, request))).volume);
}

export async function snapshot(rig: ClusterRig, name: string, sourceVolumeId: string): Promise<CsiSnapshot> {
  return given((await callUntilDone(rig.csi, 'CreateSnapshot', { name, sourceVolumeId })).snapshot);
}

export async function remove(rig: ClusterRig, volumeId: string): Promise<void> {
  await callUntilDone(rig.csi, 'DeleteVolume', { volumeId });
}

/** The node that a volume or snapshot is on, by its topology. */
export function nodeOf({ accessibleTopology }: Pick<CsiVolume, 'accessibleTopology'>): string | undefined {
  assert.equal(accessibleTopology.length, 1, 'it is in one place');
  return accessibleTopology[0]?.segments[KEY];
}

/** What a node itself says that it has, whoever else knows of it. */
export async function idsOn(rig: ClusterRig, name: string): Promise<readonly string[]> {
  return (await rig.node(name).json<{ readonly id: string }[]>('volumes', 'list')).map(({ id }) => id).sort();
}

export async function failsWith(call: Promise<unknown>, code: string, ...words: readonly (string | RegExp)[]): Promise<string> {
  let message = '';
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof CsiError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.match(error.message, typeof word === 'string' ? new RegExp(RegExp.escape(word)) : word);
    message = error.message;
    return true;
  });
  return message;
}
