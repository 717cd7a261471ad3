import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Step } from '../../src/observe/steps.ts';
import { ClusterRig, until } from '../support/cluster-rig.ts';
import { callUntilDone, isCode } from '../support/csi.ts';
import { seededRandom } from '../support/random.ts';
import { hashTree } from '../support/tree-hash.ts';
import { type CsiVolume, given, listVolumes } from '../support/volumes.ts';
import { create, nodeOf, type PlacedRequest, placedRequest, remove } from './requests.ts';

/**
 * The controller is killed in the middle of a call and forgets all that it knew. The nodes know: the same call again, with
 * another node preferred, gives the volume that is there already, and the cluster has no second one. CONVOY_SEED repeats a run.
 */
const SEED = Number(process.env['CONVOY_SEED'] ?? Date.now() % 1_000_000);
const ROUNDS = 4;
const MOST_MS = 40;
/** Copied in two seconds. */
const SLOW_BYTES = 4 << 20;
const WAIT_MS = 20_000;

void suite(`the controller is killed in mid-call (seed ${SEED})`, () => {
  let rig: ClusterRig;
  before(async () => {
    rig = await ClusterRig.start({ nodes: ['alpha', 'beta'], pool: { bandwidth: SLOW_BYTES / 2 } });
  });
  after(async () => await rig.end());

  test('at any moment of a create', async () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < ROUNDS; round += 1) {
      const name = `at random ${round}`;
      const call = rig.csi.call('CreateVolume', placedRequest(name, { on: ['alpha', 'beta'] })).catch(ignoreLostController);
      await pause(random() * MOST_MS);
      await rig.controller.kill();
      await call;
      await onlyOne(rig, name);
    }
  });

  test('while the node hangs that it has sent a create to', async () => {
    const alpha = rig.node('alpha');
    alpha.freeze();
    const call = rig.csi.call('CreateVolume', placedRequest('to a node that hangs', { on: ['alpha', 'beta'] })).catch(ignoreLostController);
    // Sent, as far as the controller can tell: with nobody to answer it stays in flight.
    await pause(300);
    await rig.controller.kill();
    alpha.thaw();
    await call;
    await onlyOne(rig, 'to a node that hangs');
  });

  test('and the node with it, when the node has made the volume and nobody knows', async () => {
    const volume = await bothKilledAt(rig, 'create.ready', 'made');
    assert.equal(nodeOf(volume), 'alpha', 'where it was made');
  });

  test('and the node with it, when the node has only begun', async () => {
    // The node clears it once a controller has admitted it; then any node will do.
    await bothKilledAt(rig, 'create.recorded', 'begun');
  });

  test('while a node copies, which goes on and is found by the same call', async () => {
    const source = await create(rig, 'source', { on: ['alpha'] });
    const user = rig.user('alpha');
    const target = await user.publish(source.volumeId);
    writeFileSync(join(target, 'data'), randomBytes(SLOW_BYTES));
    const content = hashTree(target);
    await user.unpublish(source.volumeId);

    const request = { fromVolume: source.volumeId, on: ['beta', 'alpha'] };
    const call = rig.csi.call('CreateVolume', placedRequest('copy', request)).catch(ignoreLostController);
    await until('a copy job', async () => ((await rig.node('alpha').json<unknown[]>('jobs')).length > 0 ? true : undefined));
    await rig.controller.kill();
    await call;
    const copy = await onlyOne(rig, 'copy', request);
    assert.equal(nodeOf(copy), 'alpha', 'where its source is');
    const copied = await user.publish(copy.volumeId);
    assert.equal(hashTree(copied), content);
    await user.unpublish(copy.volumeId);
    await remove(rig, source.volumeId);
  });

  test('at any moment of a delete', async () => {
    const random = seededRandom(SEED + 1);
    for (const { volumeId } of await listVolumes(rig.csi)) {
      const call = rig.csi.call('DeleteVolume', { volumeId }).catch(ignoreLostController);
      await pause(random() * MOST_MS);
      await rig.controller.kill();
      await call;
      await rig.controller.start();
      await callUntilDone(rig.csi, 'DeleteVolume', { volumeId }, { alsoUnavailable: true });
    }
    for (const { name } of rig.nodes.values()) {
      assert.deepEqual(onDisk(rig, name), []);
      await until(`an empty trash on ${name}`, async () =>
        rig
          .node(name)
          .left()
          .some((line) => line.includes('trash/'))
          ? undefined
          : true,
      );
    }
  });
});

async function bothKilledAt(rig: ClusterRig, step: Step, name: string): Promise<CsiVolume> {
  const alpha = rig.node('alpha');
  await alpha.restart({ CONVOY_KILL_AT: step });
  await rig.untilWhole();
  const call = rig.csi.call('CreateVolume', placedRequest(name, { on: ['alpha', 'beta'] }));
  await assert.rejects(call, (error) => isCode(error, 'UNAVAILABLE'));
  assert.equal(await alpha.ended, 'SIGKILL');
  await rig.controller.kill();
  await alpha.start();
  // A node that was killed too may clear what it had begun, as soon as it is admitted.
  return await onlyOne(rig, name, {}, []);
}

/** Starts the controller and makes the same call with the other node preferred: where the volume was begun, there it is, and nowhere else. */
async function onlyOne(
  rig: ClusterRig,
  name: string,
  request: PlacedRequest = {},
  begun: readonly string[] = onDisk(rig, 'alpha'),
): Promise<CsiVolume> {
  await rig.controller.start();
  await rig.untilWhole();
  const make = async (on: readonly string[]): Promise<CsiVolume> => {
    const again = placedRequest(name, { on, ...request });
    return given((await callUntilDone(rig.csi, 'CreateVolume', again, { timeoutMs: WAIT_MS })).volume);
  };
  const volume = await make(['beta', 'alpha']);
  const isIt = (local: string): boolean => volume.volumeId.endsWith(`.${local}`);
  const places = [...rig.nodes.keys()].filter((node) => onDisk(rig, node).some(isIt));
  assert.deepEqual(places, [nodeOf(volume)], 'the cluster has one volume of the name');
  if (begun.some(isIt)) assert.equal(nodeOf(volume), 'alpha', 'where it was begun');
  assert.deepEqual(await make(['alpha', 'beta']), volume, 'once more, with the first node preferred again');
  return volume;
}

/** Last parts of the ids of all volumes on the node's disk, whole or not. */
function onDisk(rig: ClusterRig, node: string): readonly string[] {
  return rig
    .node(node)
    .left()
    .flatMap((line) => /^d \w+\/volumes\/([^/]+)$/.exec(line)?.[1] ?? []);
}

function ignoreLostController(error: unknown): void {
  if (!isCode(error, 'UNAVAILABLE', 'CANCELLED', 'INTERNAL')) throw error;
}
