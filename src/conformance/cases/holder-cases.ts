import { localId } from '../../convoy/ids.ts';
import { type CaseRig, insist } from '../case-rig.ts';
import { check, checkEqual, checkRejects } from '../check.ts';
import type { ConformanceCase } from '../conformance-case.ts';
import { put, take } from '../files.ts';

const MANY = 8;
const ROUNDS = 5;
/** Node names come from outside, and are never a path. */
const HOSTILE_NODES = ['..', '../../x', '/', '-rf', '__proto__', 'two\nlines', '🐋', '.', 'x'.repeat(253)];

export const HOLDER_CASES: readonly ConformanceCase[] = [
  {
    title: 'who holds a volume is told, once each, until it is let go',
    needs: ['holders'],
    destructive: false,
    run: async (rig) => {
      const name = rig.name('held');
      await rig.create('held');
      await rig.create('free');
      checkEqual(await holdersOf(rig, name), [], 'who holds a new volume');
      for (const node of ['one', 'other', 'one']) await rig.hold(name, node);
      checkEqual(await holdersOf(rig, name), ['one', 'other'], 'who holds it');
      checkEqual(await holdersOf(rig, rig.name('free')), [], 'who holds another one');
      check((await heldBy(rig, name, 'one')).includes(name), 'it is not among what the node holds');
      checkEqual(await heldBy(rig, name, 'a third'), [], 'what a third node holds');
      for (const node of ['one', 'one', 'a third']) await rig.letGo(name, node);
      checkEqual(await holdersOf(rig, name), ['other'], 'who holds it, one having left');
      await rig.letGo(name, 'other');
      checkEqual([await holdersOf(rig, name), await heldBy(rig, name, 'other')], [[], []], 'who holds it, all having left');
    },
  },
  {
    title: 'a node of any name can hold a volume',
    needs: ['holders'],
    destructive: false,
    run: async (rig) => {
      const name = rig.name('held');
      await rig.create('held');
      for (const node of HOSTILE_NODES) await rig.hold(name, node);
      checkEqual(await holdersOf(rig, name), [...HOSTILE_NODES].sort(), 'who holds it');
      for (const node of HOSTILE_NODES) checkEqual(await heldBy(rig, name, node), [name], `what ${JSON.stringify(node)} holds`);
      for (const node of HOSTILE_NODES) await rig.letGo(name, node);
      checkEqual(await holdersOf(rig, name), [], 'who holds it afterwards');
    },
  },
  {
    title: 'a volume that does not exist is held by nobody, and cannot be',
    needs: ['holders'],
    destructive: false,
    run: async (rig) => {
      await rig.create('there');
      const holders = await rig.holders(rig.name('there'));
      const never = localId('volume', rig.name('never'));
      await checkRejects(holders.addHolder(never, 'node'), 'NotFound', 'holding it');
      await holders.removeHolder(never, 'node');
      checkEqual([await holders.holders(never), await holders.heldBy('node')], [[], []], 'who holds it');
    },
  },
  {
    title: 'a volume that another node holds is not deleted until that node lets go',
    needs: ['holders'],
    destructive: false,
    run: async (rig) => {
      const name = rig.name('held');
      const volume = await rig.create('held');
      await rig.withFiles(volume.id, (path) => put(path, 'file', 'kept'));
      await rig.hold(name, 'other');
      for (const referenceOnly of [false, true]) {
        const refused = await checkRejects(rig.pools.deleteVolume(volume.id, { referenceOnly }, rig.call()), 'InUse', 'deleting it');
        check(refused.message.includes('other'), `the message does not name the node: ${refused.message}`);
      }
      checkEqual(await rig.pools.getVolume(volume.id), volume, 'the volume');
      checkEqual(await rig.withFiles(volume.id, (path) => take(path, 'file')), 'kept', 'the file');
      await rig.letGo(name, 'other');
      await rig.deleteVolume(volume.id);
      await checkRejects(rig.pools.getVolume(volume.id), 'NotFound', 'the deleted volume');
      await rig.create('held');
      checkEqual(await holdersOf(rig, name), [], 'who holds a new one of its name');
    },
  },
  {
    title: 'this node holds what is staged or mounted on it, for as long as it is',
    needs: ['holders'],
    destructive: false,
    run: async (rig) => {
      const name = rig.name('used');
      const volume = await rig.create('used');
      const us = [rig.pools.nodeName];
      const published = await rig.publish(volume.id);
      checkEqual(await holdersOf(rig, name), us, 'who holds the published volume');
      check((await rig.pools.held()).includes(volume.id), 'it is not among what this host holds');
      await insist(() => rig.node.unpublish(volume.id, published.target, rig.call()));
      checkEqual(await holdersOf(rig, name), us, 'who holds the staged volume');
      await rig.withFiles(volume.id, async () => {
        await insist(() => rig.node.unstage(volume.id, published.staging, rig.call()));
        checkEqual(await holdersOf(rig, name), us, 'who holds the mounted volume');
      });
      checkEqual(await holdersOf(rig, name), [], 'who holds it afterwards');
      check(!(await rig.pools.held()).includes(volume.id), 'it is still among what this host holds');
    },
  },
  {
    title: 'nodes that take and leave one volume all at once are each told of',
    needs: ['holders'],
    destructive: false,
    run: async (rig) => {
      const name = rig.name('contested');
      await rig.create('contested');
      const come = async (node: string): Promise<void> => {
        for (let round = 0; round < ROUNDS; round += 1) {
          await insist(() => rig.hold(name, node));
          checkEqual(await heldBy(rig, name, node), [name], `what ${node} holds`);
          await rig.letGo(name, node);
        }
        await insist(() => rig.hold(name, node));
      };
      const nodes = Array.from({ length: MANY }, (_, index) => `node ${index}`);
      await Promise.all(nodes.map(come));
      checkEqual(await holdersOf(rig, name), nodes, 'who holds it in the end');
      await Promise.all(nodes.map((node) => rig.letGo(name, node)));
      checkEqual(await holdersOf(rig, name), [], 'who holds it when all have left');
    },
  },
  {
    title: 'holds of other nodes stay over a restart, and one of this node that nothing is mounted for does not',
    needs: ['holders'],
    destructive: true,
    run: async (rig) => {
      for (const killed of [false, true]) {
        const name = rig.name(`held ${killed}`);
        const volume = await rig.create(`held ${killed}`);
        for (const node of ['other', rig.pools.nodeName]) await rig.hold(name, node);
        await rig.destructive.reopen({ killed });
        checkEqual(await holdersOf(rig, name), ['other'], 'who holds it');
        await checkRejects(rig.pools.deleteVolume(volume.id, {}, rig.call()), 'InUse', 'deleting it');
        await rig.letGo(name, 'other');
        const published = await rig.publish(volume.id);
        await rig.destructive.reopen({ killed });
        checkEqual(await holdersOf(rig, name), [rig.pools.nodeName], 'who holds the published volume');
        await rig.unpublish(volume.id, published);
        checkEqual(await holdersOf(rig, name), [], 'who holds it when it is unpublished');
      }
    },
  },
];

const holdersOf = async (rig: CaseRig, name: string): Promise<readonly string[]> =>
  [...(await (await rig.holders(name)).holders(localId('volume', name)))].sort();

/** Of this case's one volume `name` alone: a node of that name may hold others. */
async function heldBy(rig: CaseRig, name: string, node: string): Promise<readonly string[]> {
  const held = await (await rig.holders(name)).heldBy(node);
  return held.filter((local) => local === localId('volume', name)).map(() => name);
}
