import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { ClusterRig } from '../support/cluster-rig.ts';
import { callUntilDone } from '../support/csi.ts';
import { given, listSnapshots, listVolumes } from '../support/volumes.ts';
import { create, failsWith, nodeOf, snapshot } from './requests.ts';

/** Pages over three nodes, while what they list goes and comes. */
interface Kind {
  readonly page: (maxEntries: number, startingToken: string) => Promise<{ readonly ids: readonly string[]; readonly nextToken: string }>;
  readonly all: () => Promise<readonly string[]>;
  readonly remove: (id: string) => Promise<unknown>;
  /** Makes one more on the node; returns its id. */
  readonly add: (name: string, node: string) => Promise<string>;
}

/** A page ends in the midst of a node, at its end, and at one that has nothing. */
const COUNTS = { alpha: 5, beta: 0, gamma: 4 } as const;
const SIZES = [1, 2, 7] as const;

void suite('lists over three nodes', () => {
  let rig: ClusterRig;
  const sources: Record<string, string> = {};
  before(async () => {
    rig = await ClusterRig.start({ nodes: Object.keys(COUNTS) });
  });
  after(async () => await rig.end());

  const volumes: Kind = {
    page: async (maxEntries, startingToken) => {
      const { entries, nextToken } = await rig.csi.call('ListVolumes', { maxEntries, startingToken });
      return { ids: entries.map(({ volume }) => given(volume).volumeId), nextToken };
    },
    all: async () => (await listVolumes(rig.csi)).map(({ volumeId }) => volumeId),
    remove: async (volumeId) => await callUntilDone(rig.csi, 'DeleteVolume', { volumeId }),
    add: async (name, node) => {
      const volume = await create(rig, name, { on: [node] });
      assert.equal(nodeOf(volume), node);
      return volume.volumeId;
    },
  };
  const snapshots: Kind = {
    page: async (maxEntries, startingToken) => {
      const { entries, nextToken } = await rig.csi.call('ListSnapshots', { maxEntries, startingToken });
      return { ids: entries.map((entry) => given(entry.snapshot).snapshotId), nextToken };
    },
    all: async () => (await listSnapshots(rig.csi)).map(({ snapshotId }) => snapshotId),
    remove: async (snapshotId) => await callUntilDone(rig.csi, 'DeleteSnapshot', { snapshotId }),
    add: async (name, node) => {
      sources[node] ??= await volumes.add(`source on ${node}`, node);
      return (await snapshot(rig, name, sources[node])).snapshotId;
    },
  };

  for (const [what, kind] of Object.entries({ volumes, snapshots })) {
    test(`of ${what} give each exactly once, whatever the size of a page`, async () => {
      const made = await fill(kind, what);
      for (const size of SIZES) {
        const pages = await walk(kind, size);
        assert.deepEqual(pages.flat().sort(), made.toSorted());
        assert.ok(
          pages.slice(0, -1).every(({ length }) => length === size),
          `pages of ${size} are full but for the last: ${pages.map(({ length }) => length).join()}`,
        );
      }
      for (const id of made) await kind.remove(id);
      assert.deepEqual(await kind.all(), []);
    });

    for (const size of SIZES)
      test(`of ${what} by ${size}, with deletes and creates between the pages, give what stays exactly once`, async () => {
        const made = await fill(kind, `${what} by ${size}`);
        const removed = new Set<string>();
        const added: string[] = [];
        const pages = await walk(kind, size, async (seen) => {
          // One that was seen, one that comes next and one of the far end go.
          const ahead = made.filter((id) => !seen.includes(id) && !removed.has(id)).sort();
          for (const id of [seen.at(-1), ahead[0], ahead.at(-1)])
            if (id !== undefined && !removed.has(id)) {
              removed.add(id);
              await kind.remove(id);
            }
          added.push(await kind.add(`${what} ${size} later ${added.length}`, 'beta'));
        });
        const seen = pages.flat();
        assert.equal(new Set(seen).size, seen.length, 'nothing comes twice');
        assert.deepEqual(seen.filter((id) => made.includes(id) && !removed.has(id)).sort(), made.filter((id) => !removed.has(id)).sort());
        assert.deepEqual(
          seen.filter((id) => !made.includes(id) && !added.includes(id)),
          [],
          'nothing unknown',
        );
        assert.ok(removed.size > 0 || pages.length === 1, 'something was deleted between pages');
        for (const id of [...made, ...added]) await kind.remove(id);
        assert.deepEqual(await kind.all(), []);
      });
  }

  test('of a token that nobody handed out start anew', async () => {
    await failsWith(rig.csi.call('ListVolumes', { startingToken: 'x' }), 'ABORTED', 'starting_token');
    await failsWith(rig.csi.call('ListVolumes', { startingToken: '0123456789abcdef/' }), 'ABORTED', 'starting_token');
  });
});

async function fill(kind: Kind, prefix: string): Promise<readonly string[]> {
  const made: string[] = [];
  for (const [node, count] of Object.entries(COUNTS))
    for (let index = 0; index < count; index += 1) made.push(await kind.add(`${prefix} ${index} of ${node}`, node));
  return made;
}

async function walk(
  { page }: Kind,
  size: number,
  between: (seen: readonly string[]) => Promise<void> = async () => {},
): Promise<readonly (readonly string[])[]> {
  const pages: (readonly string[])[] = [];
  for (let token = ''; ; ) {
    const { ids, nextToken } = await page(size, token);
    assert.ok(ids.length <= size, `max_entries is ${size}`);
    pages.push(ids);
    if (nextToken === '') return pages;
    token = nextToken;
    await between(pages.flat());
  }
}
