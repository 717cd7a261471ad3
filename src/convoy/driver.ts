import type { ConvoyDriver, DriverDeps, DriverProperties, Operations, VolumeOperations } from './contract.ts';
import { ConvoyError } from './errors.ts';

/**
 * Makes a ConvoyDriver of a driver's groups. Mounting is the same for all: what `openAccess` offers is mounted at the
 * MountPoint by the shared Mounter.
 */
export function defineDriver(definition: {
  readonly name: string;
  readonly operations: Operations;
  readonly properties: DriverProperties;
  readonly info: () => Promise<Readonly<Record<string, string>>>;
  readonly close?: () => Promise<void>;
  readonly deps: Pick<DriverDeps, 'mounter'>;
}): ConvoyDriver {
  const { name, operations, properties } = definition;
  const need = <K extends keyof Operations>(group: K): NonNullable<Operations[K]> => {
    const found = operations[group];
    if (found === undefined) throw new ConvoyError('NotSupported', `driver ${name} has no ${group} operations`);
    return found;
  };
  return {
    name: () => name,
    info: definition.info,
    operations,
    properties,
    volumeOps: () => volumeOperations(name, operations, properties.access, definition.deps.mounter),
    snapshotOps: () => need('snapshot'),
    backupOps: () => need('backup'),
    close: definition.close ?? (async () => {}),
  };
}

function volumeOperations(
  name: string,
  operations: Operations,
  kind: DriverProperties['access'],
  mounter: DriverDeps['mounter'],
): VolumeOperations {
  const { volume, access } = operations;
  return {
    name: () => name,
    createVolume: (id, opts, call) => volume.createVolume(id, opts, call),
    deleteVolume: (id, opts, call) => volume.deleteVolume(id, opts, call),
    getVolumeInfo: (id) => volume.getVolumeInfo(id),
    listVolume: () => volume.listVolume(),
    mountVolume: async (id, opts, call) => {
      const opened = await access.openAccess(id, { readOnly: opts.readOnly, raw: false });
      try {
        await mounter.mount(opened, opts, call);
      } finally {
        await opened.close();
      }
      return opts.mountPoint;
    },
    umountVolume: async (_id, mountPoint, call) => mounter.unmount(mountPoint, call),
    mountPoint: async (id) => {
      if (kind === 'device') {
        const devices = await access.devices(id);
        return (await Promise.all(devices.map((device) => mounter.targets({ kind: 'device', device })))).flat();
      }
      const opened = await access.openAccess(id, { readOnly: true, raw: false });
      try {
        return opened.kind === 'directory' ? await mounter.targets({ kind: 'directory', path: opened.path }) : [];
      } finally {
        await opened.close();
      }
    },
  };
}
