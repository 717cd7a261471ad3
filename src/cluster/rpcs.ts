import { ConvoyError } from '../convoy/errors.ts';
import type { Advertised } from '../csi/capabilities.ts';
import { controllerGetCapabilities } from '../csi/controller/controller-get-capabilities.ts';
import type { ControllerMethods } from '../csi/definitions.ts';
import type { Rpcs } from '../csi/rpc.ts';
import type { Log } from '../observe/log.ts';
import type { Agents } from './agents.ts';
import type { ClusterView, GoneNodes } from './api.ts';
import { byIdRpcs } from './by-id.ts';
import { getCapacity } from './capacity.ts';
import type { Outline } from './create-request.ts';
import { createVolume } from './create-volume.ts';
import { listRpcs } from './lists.ts';
import { Members } from './members.ts';
import { NameMemory } from './name-memory.ts';
import { Ownership } from './own.ts';
import { type GlobalPools, Router } from './router.ts';
import { SnapshotNames } from './snapshot-names.ts';

export interface ForwardingDeps {
  readonly agents: Agents;
  readonly goneNodes: Pick<GoneNodes, 'list'>;
  /** Absent outside Kubernetes. */
  readonly view?: Pick<ClusterView, 'persistentVolumes' | 'node'> | undefined;
  /** Pools that this process serves itself. */
  readonly global?: GlobalPools | undefined;
  readonly pools: readonly Outline[];
  readonly driverName: string;
  readonly advertised: Advertised;
  readonly log: Pick<Log, 'warn'>;
}

/** The Controller service over all agents: the same table that csi/controller makes of local pools. */
export function forwardingRpcs(deps: ForwardingDeps): Rpcs<ControllerMethods> {
  const { agents } = deps;
  const router = new Router(agents, deps.global, deps.pools);
  const shared = {
    ...deps,
    router,
    own: new Ownership(deps.driverName, (key) => agents.nameOf(key)),
    names: new NameMemory(),
    snapshotNames: new SnapshotNames(),
    members: new Members(router, deps.goneNodes, deps.view),
  };
  return {
    ...byIdRpcs(shared),
    ...listRpcs(shared),
    CreateVolume: createVolume(shared),
    GetCapacity: getCapacity(shared),
    ControllerGetCapabilities: controllerGetCapabilities(deps),
    ControllerPublishVolume: notServed,
    ControllerUnpublishVolume: notServed,
    ControllerModifyVolume: notServed,
  };
}

/** Never reached: csi/server.ts answers for the want of the capability first. */
const notServed = (): never => {
  throw new ConvoyError('NotSupported', 'this driver does not serve this call');
};
