import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callUntilDone } from '../support/csi.ts';
import { PoolRig } from '../support/pool-rig.ts';

/** The one bound in time that is promised: the liveness probe must not kill a daemon that is at work. */
const FILES = 100_000;
const BOUND_MS = 1_000;
const GIVE_UP_MS = 180_000;

test(`Probe answers within a second while ${FILES} files are deleted`, async (t) => {
  const rig = new PoolRig('vfs', 'xfs', { fsBytes: 8n << 30n });
  t.after(async () => await rig.end());
  await rig.reset();
  const { volumeId } = await rig.user.create('many files', { sizeBytes: 1n << 30n });
  writeManyFiles(await rig.user.publish(volumeId));
  await rig.user.unpublish(volumeId);

  const deleted = callUntilDone(rig.csi, 'DeleteVolume', { volumeId });
  const trash = join(rig.poolDirectory, 'trash');
  let slowest = 0;
  let probes = 0;
  let whileDeleting = 0;
  for (const end = performance.now() + GIVE_UP_MS; performance.now() < end; probes += 1) {
    const started = performance.now();
    await rig.csi.call('Probe', {});
    slowest = Math.max(slowest, performance.now() - started);
    const left = readdirSync(trash).length;
    whileDeleting += left > 0 ? 1 : 0;
    if (left === 0 && whileDeleting > 0) break;
  }
  await deleted;
  t.diagnostic(`${probes} probes, ${whileDeleting} of them while files were being deleted; the slowest took ${slowest.toFixed(1)} ms`);
  assert.deepEqual(readdirSync(trash), [], 'the trash was emptied');
  assert.ok(whileDeleting > 0, 'no probe ran while files were being deleted');
  assert.ok(slowest < BOUND_MS, `the slowest probe took ${slowest.toFixed(0)} ms`);
  await rig.clear();
});

function writeManyFiles(root: string): void {
  const perDirectory = 1_000;
  for (let directory = 0; directory < FILES / perDirectory; directory += 1) {
    const path = join(root, String(directory));
    mkdirSync(path);
    for (let file = 0; file < perDirectory; file += 1) writeFileSync(join(path, String(file)), 'x');
  }
}
