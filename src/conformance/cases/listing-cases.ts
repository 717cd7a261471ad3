import type { Page, PageRequest, Snapshot, Volume } from '../../pool/api.ts';
import type { CaseRig } from '../case-rig.ts';
import { check, checkEqual, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';

export const LISTING_CASES: readonly ConformanceCase[] = [
  {
    title: 'pages of one, two and three volumes give each volume once',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const ids = await makeVolumes(rig, 5);
      for (const size of [0, 1, 2, 3]) {
        const listed = await all((page) => rig.pools.listVolumes(page), size);
        checkEqual(mine(listed, ids), ids, `the volumes in pages of ${size}`);
        checkEqual(new Set(listed).size, listed.length, 'each id once');
      }
    },
  },
  {
    title: 'deletes between two pages neither fail the next page nor hide a volume from it',
    needs: [],
    destructive: false,
    run: async (rig) => {
      const ids = await makeVolumes(rig, 6);
      const seen: string[] = [];
      let token = '';
      let deleted: string | undefined;
      do {
        const page = await rig.pools.listVolumes({ maxEntries: 2, startingToken: token });
        const found = mine(
          page.entries.map((each) => each.id),
          ids,
        );
        seen.push(...found);
        token = page.nextToken;
        const [last] = found.slice(-1);
        if (deleted === undefined && last !== undefined) {
          // The cursor itself goes away.
          deleted = last;
          await rig.deleteVolume(last);
        }
      } while (token !== '');
      checkEqual([...seen].sort(), ids, 'the volumes over all pages');
      check(deleted !== undefined, 'no volume of the case was seen');
    },
  },
  {
    title: 'a page token that was never handed out is refused as stale',
    needs: [],
    destructive: false,
    run: async (rig) => {
      for (const startingToken of ['garbage', '1', '../..', '\0', '🐋']) {
        await checkRejects(
          rig.pools.listVolumes({ maxEntries: 1, startingToken }),
          'StaleToken',
          `listVolumes from ${JSON.stringify(startingToken)}`,
        );
        await checkRejects(
          rig.pools.listSnapshots({}, { maxEntries: 1, startingToken }),
          'StaleToken',
          `listSnapshots from ${JSON.stringify(startingToken)}`,
        );
      }
    },
  },
  {
    title: 'snapshots are listed by page, by their id and by their volume',
    needs: ['snapshot'],
    destructive: false,
    run: async (rig) => {
      const [one, other] = [await rig.create('one'), await rig.create('other')];
      const ofOne = [await rig.snapshot('a', one.id), await rig.snapshot('b', one.id), await rig.snapshot('c', one.id)]
        .map((each) => each.id)
        .sort();
      const ofOther = await rig.snapshot('d', other.id);
      for (const size of [0, 1, 2, 3]) {
        const listed = await all((page) => rig.pools.listSnapshots({}, page), size);
        checkEqual(mine(listed, [...ofOne, ofOther.id]), [...ofOne, ofOther.id].sort(), `the snapshots in pages of ${size}`);
        checkEqual(
          (await all((page) => rig.pools.listSnapshots({ sourceVolumeId: one.id }, page), size)).sort(),
          ofOne,
          `those of one volume in pages of ${size}`,
        );
      }
      const byId = await rig.pools.listSnapshots({ snapshotId: ofOther.id }, { maxEntries: 0, startingToken: '' });
      checkEqual(byId.entries, [ofOther], 'the one asked for by id');
      const none = await rig.pools.listSnapshots({ snapshotId: rig.snapshotId(rig.name('never')) }, { maxEntries: 0, startingToken: '' });
      checkEqual(none.entries, [], 'an id that does not exist');
    },
  },
];

async function makeVolumes(rig: CaseRig, count: number): Promise<readonly string[]> {
  const volumes: Volume[] = [];
  for (let index = 0; index < count; index += 1) volumes.push(await rig.create(`volume ${index}`));
  return volumes.map((volume) => volume.id).sort();
}

async function all(list: (page: PageRequest) => Promise<Page<Volume | Snapshot>>, maxEntries: number): Promise<string[]> {
  const ids: string[] = [];
  let startingToken = '';
  do {
    const page = await list({ maxEntries, startingToken });
    check(maxEntries === 0 || page.entries.length <= maxEntries, `a page of at most ${maxEntries} has ${page.entries.length} entries`);
    ids.push(...page.entries.map((each) => each.id));
    startingToken = page.nextToken;
  } while (startingToken !== '');
  return ids;
}

/** Other objects may come and go in the pool meanwhile. */
const mine = (listed: readonly string[], ids: readonly string[]): string[] => listed.filter((id) => ids.includes(id)).sort();
