import type { LocalSnapshotId, LocalVolumeId } from '../../../src/convoy/ids.ts';
import { openSystem } from '../../../src/system/index.ts';
import { callWith, MIB, makeDriver } from './driver-rig.ts';

/** What crash.test.ts kills: `crash-child.ts <driver> <pool> <call> <id> <source>`. */
const [name, path, call, id, source] = process.argv.slice(2) as ['vfs' | 'loop', string, string, string, string];
const system = openSystem();
const driver = await makeDriver(name, { [`${name}.path`]: path }, system);
const { volume, snapshot, clone, storage } = driver.operations;
await storage.readMarker();
const options = { sizeBytes: 16n * MIB };
const instant = { consistency: 'point-in-time' } as const;
if (call === 'create') await volume.createVolume(id as LocalVolumeId, options, callWith());
if (call === 'adopt') await volume.createVolume(id as LocalVolumeId, { ...options, volumeDriverId: source }, callWith());
if (call === 'snapshot') await snapshot?.createSnapshot(id as LocalSnapshotId, source as LocalVolumeId, instant, callWith());
if (call === 'clone') await clone?.cloneVolume(id as LocalVolumeId, source as LocalVolumeId, { ...options, ...instant }, callWith());
await driver.close();
await system.close();
