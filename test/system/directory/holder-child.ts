import { setTimeout as pause } from 'node:timers/promises';
import type { LocalVolumeId } from '../../../src/convoy/ids.ts';
import { openSystem } from '../../../src/system/index.ts';
import { makeDriver } from '../drivers/driver-rig.ts';

/** A node of holders.test.ts: takes and leaves a volume again and again, and holds it in the end: `holder-child.ts <pool> <volume> <node> <rounds>`. */
const [path = '', volume = '', node = '', rounds = ''] = process.argv.slice(2);
const system = openSystem();
const driver = await makeDriver('vfs', { 'vfs.path': path, 'vfs.scope': 'global' }, system);
const { storage, holders } = driver.operations;
if (holders === undefined) throw new Error('the driver has no holders');
const id = volume as LocalVolumeId;
await storage.readMarker();
for (let round = Number(rounds); round > 0; round -= 1) {
  await holders.addHolder(id, node);
  if (!(await holders.heldBy(node)).includes(id)) throw new Error(`round ${round}: the volume is held by ${node}, who is not told so`);
  await pause(Math.random() * 2);
  await holders.removeHolder(id, node);
}
await holders.addHolder(id, node);
await driver.close();
await system.close();
