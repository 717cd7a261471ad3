import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, beforeEach, suite, test } from 'node:test';
import { callUntilDone, isCode, mountCapability } from '../support/csi.ts';
import { PoolRig, SIZE } from '../support/pool-rig.ts';
import { seededRandom } from '../support/random.ts';
import { createVolumeRequest, listSnapshots, listVolumes, publishRequests } from '../support/volumes.ts';
import { explainsPresence, type Operation } from './history.ts';

/**
 * Many callers at once, against what must hold whatever the order. ABORTED ("another call works on it") is an answer that
 * a sidecar repeats; so do these callers. CONVOY_SEED repeats a run.
 */
const SEED = Number(process.env['CONVOY_SEED'] ?? Date.now() % 1_000_000);
const WORKERS = 16;

for (const driver of ['vfs', 'loop']) {
  void suite(`many callers on ${driver} (seed ${SEED})`, () => {
    const rig = new PoolRig(driver, 'xfs', { fsBytes: 16n << 30n });
    beforeEach(async () => await rig.reset());
    after(async () => await rig.end());

    test('callers with names of their own each see exactly what they did', async () => {
      const present = (await everyWorker((worker) => workAlone(rig, worker))).flat();
      assert.deepEqual((await listVolumes(rig.csi)).map(({ volumeId }) => volumeId).sort(), present.map(({ id }) => id).sort());
      assert.equal(new Set(present.map(({ id }) => id)).size, present.length, 'ids are unique');
      await rig.clear();
    });

    test('callers that create the same name at once all get the same volume', async () => {
      for (let round = 0; round < 10; round += 1) {
        const ids = await everyWorker(async () => (await rig.user.create(`same ${round}`, { sizeBytes: SIZE })).volumeId);
        assert.equal(new Set(ids).size, 1);
      }
      assert.equal((await listVolumes(rig.csi)).length, 10);
      await rig.clear();
    });

    test('of callers that create one name with two sizes, one size wins and the others are told so', async () => {
      for (let round = 0; round < 10; round += 1) {
        const answers = await everyWorker(async (worker) => {
          const sizeBytes = worker % 2 === 0 ? SIZE : 2n * SIZE;
          try {
            return { sizeBytes, made: await rig.user.create(`contested ${round}`, { sizeBytes, exact: true }) };
          } catch (error) {
            if (!isCode(error, 'ALREADY_EXISTS')) throw error;
            return { sizeBytes, made: undefined };
          }
        });
        const sizes = new Set(answers.filter(({ made }) => made !== undefined).map(({ sizeBytes }) => sizeBytes));
        assert.equal(sizes.size, 1, 'callers with different sizes were both told that it is theirs');
        const [won] = sizes;
        assert.ok(answers.every(({ sizeBytes, made }) => (sizeBytes === won) === (made !== undefined)));
        assert.ok(answers.every(({ made }) => made === undefined || BigInt(made.capacityBytes) === won));
      }
      await rig.clear();
    });

    test('creates and deletes of the same names leave what one of the last calls said', async () => {
      const names = Array.from({ length: 5 }, (_, index) => `shared ${index}`);
      const histories = new Map(names.map((name) => [name, [] as Operation[]]));
      const ids = new Map(
        await Promise.all(names.map(async (name) => [name, (await rig.user.create(name, { sizeBytes: SIZE })).volumeId] as const)),
      );
      await everyWorker(async (worker) => {
        const random = seededRandom(SEED + worker);
        for (let turn = 0; turn < 40; turn += 1) {
          const name = names[Math.floor(random() * names.length)] as string;
          const started = performance.now();
          const creates = random() < 0.5;
          if (creates)
            assert.equal((await rig.user.create(name, { sizeBytes: SIZE })).volumeId, ids.get(name), 'the id is made from the name');
          else await callUntilDone(rig.csi, 'DeleteVolume', { volumeId: ids.get(name) ?? '' });
          histories.get(name)?.push({ started, ended: performance.now(), leavesPresent: creates });
        }
      });
      const listed = new Set((await listVolumes(rig.csi)).map(({ volumeId }) => volumeId));
      for (const name of names) {
        const present = listed.has(ids.get(name) ?? '');
        assert.ok(
          explainsPresence(histories.get(name) ?? [], present),
          `${name} is ${present ? 'there' : 'absent'}, which no order of the calls explains`,
        );
      }
      await rig.clear();
    });

    test('restores of one snapshot run together and each gets all of it', async () => {
      const { volumeId } = await rig.user.create('source', { sizeBytes: SIZE });
      const target = await rig.user.publish(volumeId);
      writeFileSync(join(target, 'data'), 'x'.repeat(1 << 20));
      const { snapshotId } = await rig.user.snapshot('cut', volumeId);
      const restored = await allOf(
        Array.from({ length: 50 }, (_, index) => rig.user.create(`restored ${index}`, { sizeBytes: SIZE, fromSnapshot: snapshotId })),
      );
      assert.equal(new Set(restored.map((volume) => volume.volumeId)).size, 50);
      const { contents } = await rig.fingerprint();
      assert.equal(new Set(Object.values(contents)).size, 1, 'the volume, its snapshot and all restored volumes hold the same');
      await rig.clear();
    });

    test('callers that publish one volume to many targets and take it back leave no mount behind', async () => {
      const { volumeId } = await rig.user.create('published', { sizeBytes: SIZE });
      const staging = rig.user.stagingPath(volumeId);
      mkdirSync(staging, { recursive: true });
      await callUntilDone(rig.csi, 'NodeStageVolume', publishRequests(volumeId, staging, '').stage);
      await everyWorker(async (worker) => {
        for (let turn = 0; turn < 10; turn += 1) {
          await rig.user.publish(volumeId, { tag: `pod-${worker}` });
          writeFileSync(join(rig.user.targetPath(volumeId, `pod-${worker}`), `file ${worker}`), String(turn));
          await rig.user.unpublish(volumeId, { tag: `pod-${worker}`, unstage: false });
        }
      });
      await rig.clear();
    });

    test('snapshots and deletes of one volume at once never lose a snapshot that was promised', async () => {
      const { volumeId } = await rig.user.create('going', { sizeBytes: SIZE });
      writeFileSync(join(await rig.user.publish(volumeId), 'data'), 'kept');
      await rig.user.unpublish(volumeId);
      const promised = await everyWorker(async (worker) => {
        try {
          if (worker === WORKERS / 2) await callUntilDone(rig.csi, 'DeleteVolume', { volumeId });
          return worker === WORKERS / 2 ? '' : (await rig.user.snapshot(`last words ${worker}`, volumeId)).snapshotId;
        } catch (error) {
          if (!isCode(error, 'NOT_FOUND')) throw error;
          return ''; // deleted before the snapshot was asked for
        }
      });
      const listed = (await listSnapshots(rig.csi)).map(({ snapshotId }) => snapshotId);
      assert.deepEqual(listed.sort(), promised.filter((id) => id !== '').sort());
      await rig.clear();
    });

    test('a capability is confirmed for a volume whatever else goes on', async () => {
      const { volumeId } = await rig.user.create('asked', { sizeBytes: SIZE });
      const request = { volumeId, volumeCapabilities: [mountCapability()] };
      await Promise.all([
        ...Array.from({ length: 50 }, async () => assert.ok((await rig.csi.call('ValidateVolumeCapabilities', request)).confirmed)),
        callUntilDone(rig.csi, 'CreateVolume', createVolumeRequest('beside', { sizeBytes: SIZE })),
      ]);
      await rig.clear();
    });
  });
}

/** Random calls on names that nobody else uses; every answer is known beforehand. Returns what must be there in the end. */
async function workAlone(rig: PoolRig, worker: number): Promise<readonly { readonly name: string; readonly id: string }[]> {
  const random = seededRandom(SEED + 1000 + worker);
  const sizes = new Map<string, bigint>();
  const ids = new Map<string, string>();
  const names = Array.from({ length: 3 }, (_, index) => `own ${worker} ${index}`);
  const id = (name: string): string => ids.get(name) ?? '';
  for (let turn = 0; turn < 100; turn += 1) {
    const name = names[Math.floor(random() * names.length)] as string;
    const known = sizes.get(name);
    const dice = random();
    if (known === undefined || dice < 0.2) {
      const made = await rig.user.create(name, { sizeBytes: known ?? SIZE, exact: true });
      assert.equal(BigInt(made.capacityBytes), known ?? SIZE);
      assert.equal(made.volumeId, ids.get(name) ?? made.volumeId, 'the same name has the same id');
      ids.set(name, made.volumeId);
      sizes.set(name, known ?? SIZE);
    } else if (dice < 0.4) {
      await assert.rejects(rig.user.create(name, { sizeBytes: known + SIZE, exact: true }), (error) => isCode(error, 'ALREADY_EXISTS'));
    } else if (dice < 0.6) {
      const sizeBytes = known + (1n << 20n);
      await callUntilDone(rig.csi, 'ControllerExpandVolume', { volumeId: id(name), capacityRange: { requiredBytes: String(sizeBytes) } });
      sizes.set(name, sizeBytes);
    } else if (dice < 0.8) {
      const listed = (await listVolumes(rig.csi, 7)).find(({ volumeId }) => volumeId === id(name));
      assert.equal(BigInt(listed?.capacityBytes ?? 0), known, 'a list shows what was answered before it began');
    } else {
      await callUntilDone(rig.csi, 'DeleteVolume', { volumeId: id(name) });
      sizes.delete(name);
    }
  }
  return [...sizes.keys()].map((name) => ({ name, id: id(name) }));
}

async function everyWorker<T>(work: (worker: number) => Promise<T>): Promise<readonly T[]> {
  return await allOf(Array.from({ length: WORKERS }, (_, worker) => work(worker)));
}

/** Like Promise.all, but none of them still runs when it ends. */
async function allOf<T>(works: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(works);
  return await Promise.all(works);
}
