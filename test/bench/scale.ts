import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { callUntilDone, mountCapability } from '../support/csi.ts';
import type { PoolRig } from '../support/pool-rig.ts';
import { interleaved, median, timesOf } from './measure.ts';
import { ms, type Row, ratioRow } from './rows.ts';

/** More than a page of the list, so that both pages are full. */
const FEW = 100;
const MANY = Number(process.env['CONVOY_BENCH_VOLUMES'] ?? '10000');
const CALLERS = 16;
const CALLS = 8;
const ROUNDS = 7;
const SMALL = 1n << 20n;
const FLAT = { text: '≤ 1.1 ×', max: 1.1 };

/** The same calls on a pool with few volumes and on one with many, in turn. */
export async function benchManyVolumes(few: PoolRig, many: PoolRig): Promise<readonly Row[]> {
  await createVolumes(few, 0, FEW);
  await createVolumes(many, 0, MANY);
  const rounds: { readonly few: Medians; readonly many: Medians }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) rounds.push({ few: await measureCalls(few), many: await measureCalls(many) });
  const over = (which: 'few' | 'many', call: string): number => median(rounds.map((round) => round[which][call] ?? Number.NaN));
  return Object.keys(rounds[0]?.few ?? {}).map((call) => {
    const [before, after] = [over('few', call), over('many', call)];
    return ratioRow(`${call}, with ${MANY} volumes beside ${FEW}`, after, before, FLAT, `${ms(after)} beside ${ms(before)}`);
  });
}

/** A snapshot of much data beside one of little, where the storage shares blocks. */
export async function benchSnapshots(rig: PoolRig): Promise<readonly Row[]> {
  const sizes = { small: 64n << 20n, large: 4n << 30n };
  const small = await filledVolume(rig, 'small', sizes.small);
  const large = await filledVolume(rig, 'large', sizes.large);
  let count = 0;
  const snapshotOf = (volumeId: string) => async (): Promise<number> => {
    count += 1;
    const started = performance.now();
    const { snapshotId } = await rig.user.snapshot(`cut ${count}`, volumeId);
    const took = performance.now() - started;
    await callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId });
    return took;
  };
  const [little = 0, much = 0] = await interleaved(9, [snapshotOf(small), snapshotOf(large)]);
  await rig.clear();
  return [
    ratioRow(
      `${rig.driver} on xfs: snapshot of 4 GiB beside 64 MiB`,
      much,
      little,
      { text: 'independent of the bytes: ≤ 1.5 ×', max: 1.5 },
      `${ms(much)} beside ${ms(little)}`,
    ),
  ];
}

type Medians = Readonly<Record<string, number>>;

async function measureCalls(rig: PoolRig): Promise<Medians> {
  const { volumeId } = await rig.user.create('volume 1', { sizeBytes: SMALL });
  let made = 0;
  const ids: string[] = [];
  const [create, get, list, remove] = [
    await timesOf(CALLS, async () => {
      made += 1;
      ids.push((await rig.user.create(`measured ${made}`, { sizeBytes: SMALL })).volumeId);
    }),
    await timesOf(CALLS, () => rig.csi.call('ValidateVolumeCapabilities', { volumeId, volumeCapabilities: [mountCapability()] })),
    await timesOf(CALLS, () => rig.csi.call('ListVolumes', { maxEntries: 50 })),
    await timesOf(CALLS, (index) => callUntilDone(rig.csi, 'DeleteVolume', { volumeId: ids[index] ?? '' })),
  ];
  return {
    CreateVolume: median(create),
    ValidateVolumeCapabilities: median(get),
    'ListVolumes, a page of 50': median(list),
    DeleteVolume: median(remove),
  };
}

async function createVolumes(rig: PoolRig, from: number, to: number): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    for (let index = next++; index < to; index = next++) await rig.user.create(`volume ${index}`, { sizeBytes: SMALL });
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
}

async function filledVolume(rig: PoolRig, name: string, bytes: bigint): Promise<string> {
  const { volumeId } = await rig.user.create(name, { sizeBytes: bytes + (bytes >> 2n) });
  const file = openSync(join(await rig.user.publish(volumeId), 'data'), 'w');
  const chunk = Buffer.alloc(8 << 20, name);
  for (let written = 0n; written < bytes; written += BigInt(chunk.length)) writeSync(file, chunk);
  fsyncSync(file);
  closeSync(file);
  return volumeId;
}
