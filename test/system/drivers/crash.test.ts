import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { callWith, type DriverRig, MIB, openRig, snapshotId, volumeId } from './driver-rig.ts';

const CHILD = fileURLToPath(new URL('crash-child.ts', import.meta.url));

for (const name of ['vfs', 'loop'] as const) {
  describe(`${name}, killed at any step`, () => {
    const dataName = name === 'vfs' ? 'data' : 'image';
    const source = volumeId('source');
    let rig: DriverRig;
    before(async () => {
      rig = await openRig(name, 'xfs', 512n * MIB);
      await rig.operations.volume.createVolume(source, { sizeBytes: 16n * MIB }, callWith());
    });
    after(async () => await rig.close());

    const run = (call: string, id: string, from: string, step?: string): void => {
      const env = step === undefined ? {} : { CONVOY_KILL_AT: step };
      const { signal, status, stderr } = spawnSync(process.execPath, [CHILD, name, rig.path, call, id, from], {
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
      if (step === undefined) assert.equal(status, 0, stderr);
      else assert.equal(signal, 'SIGKILL', stderr);
    };

    for (const step of ['data.filled', 'data.named'])
      for (const call of ['create', 'snapshot', 'clone'])
        it(`makes ${call} good by the same call after ${step}, and clears it by a delete`, async () => {
          const { volume, snapshot } = rig.operations;
          const isSnapshot = call === 'snapshot';
          const id = isSnapshot ? snapshotId(`${call}-${step}`) : volumeId(`${call}-${step}`);
          const place = join(rig.path, isSnapshot ? 'snapshots' : 'volumes', id);
          const list = async (): Promise<readonly string[]> => (isSnapshot ? await snapshot.listSnapshot() : await volume.listVolume());
          const clear = async (): Promise<void> => {
            if (isSnapshot) await snapshot.deleteSnapshot(snapshotId(`${call}-${step}`), source, callWith());
            else await volume.deleteVolume(volumeId(`${call}-${step}`), { referenceOnly: false }, callWith());
          };
          for (const repair of ['retry', 'delete']) {
            run(call, id, source, step);
            assert.equal((await list()).includes(id), step === 'data.named');
            if (repair === 'retry') {
              run(call, id, source);
              assert.deepEqual(readdirSync(place), [dataName]);
            }
            await clear();
            assert.equal((await list()).includes(id), false);
            assert.equal(readdirSync(join(place, '..')).includes(id), false);
          }
        });

    it('gives adopted data back, or keeps it adopted, whichever call comes next', async () => {
      const id = volumeId('adopted');
      const folder = join(rig.path, 'import');
      if (name === 'vfs') mkdirSync(join(folder, 'old'));
      else writeFileSync(join(folder, 'old'), Buffer.alloc(1 << 20));
      const { ino } = statSync(join(folder, 'old'));
      run('adopt', id, 'old', 'data.named');
      run('adopt', id, 'old');
      assert.equal(statSync(join(rig.path, 'volumes', id, dataName)).ino, ino);
      await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.equal(statSync(join(folder, 'old')).ino, ino);
      run('adopt', id, 'old', 'data.named');
      await rig.operations.volume.deleteVolume(id, { referenceOnly: false }, callWith());
      assert.equal(statSync(join(folder, 'old')).ino, ino);
    });
  });
}
