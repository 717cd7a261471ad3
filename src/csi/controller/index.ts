import { ConvoyError } from '../../convoy/errors.ts';
import type { ControllerMethods } from '../definitions.ts';
import type { Edge, Rpcs } from '../rpc.ts';
import { controllerExpandVolume } from './controller-expand-volume.ts';
import { controllerGetCapabilities } from './controller-get-capabilities.ts';
import { controllerGetVolume } from './controller-get-volume.ts';
import { controllerGetVolumeHealth } from './controller-get-volume-health.ts';
import { controllerListVolumeHealth } from './controller-list-volume-health.ts';
import { createSnapshot } from './create-snapshot.ts';
import { createVolume } from './create-volume.ts';
import { deleteSnapshot } from './delete-snapshot.ts';
import { deleteVolume } from './delete-volume.ts';
import { getCapacity } from './get-capacity.ts';
import { getSnapshot } from './get-snapshot.ts';
import { listSnapshots } from './list-snapshots.ts';
import { listVolumes } from './list-volumes.ts';
import { validateVolumeCapabilities } from './validate-volume-capabilities.ts';

export const controllerRpcs = (edge: Pick<Edge, 'pools' | 'driverName' | 'version' | 'advertised'>): Rpcs<ControllerMethods> => ({
  CreateVolume: createVolume(edge),
  DeleteVolume: deleteVolume(edge),
  ControllerPublishVolume: notServed,
  ControllerUnpublishVolume: notServed,
  ValidateVolumeCapabilities: validateVolumeCapabilities(edge),
  ListVolumes: listVolumes(edge),
  ControllerListVolumeHealth: controllerListVolumeHealth(edge),
  ControllerGetVolumeHealth: controllerGetVolumeHealth(edge),
  GetCapacity: getCapacity(edge),
  ControllerGetCapabilities: controllerGetCapabilities(edge),
  CreateSnapshot: createSnapshot(edge),
  DeleteSnapshot: deleteSnapshot(edge),
  ListSnapshots: listSnapshots(edge),
  GetSnapshot: getSnapshot(edge),
  ControllerExpandVolume: controllerExpandVolume(edge),
  ControllerGetVolume: controllerGetVolume(edge),
  ControllerModifyVolume: notServed,
});

/** Never reached: csi/server.ts answers for the want of the capability first. */
const notServed = (): never => {
  throw new ConvoyError('NotSupported', 'this driver does not serve this call');
};
