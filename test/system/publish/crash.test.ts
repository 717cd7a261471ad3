import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Step } from '../../../src/observe/steps.ts';
import type { VolumeCapability } from '../../../src/publish/api.ts';
import type { Scratch } from './scratch-pool.ts';
import { blockCapability, call, mountCapability, openScratch } from './scratch-pool.ts';

/** What a whole life of a volume asks; each verb is killed at each step it passes, repeated, and the end compared. */
const STEPS = {
  mount: {
    stage: ['stage.attached', 'stage.formatting', 'stage.made', 'stage.formatted', 'stage.mounted'],
    publish: ['publish.target', 'publish.bound'],
    unpublish: ['unpublish.unbound'],
    unstage: ['unstage.unmounted'],
  },
  block: {
    stage: [],
    publish: ['stage.attached', 'publish.target', 'publish.bound'],
    unpublish: ['unpublish.unbound'],
    unstage: ['unstage.unmounted'],
  },
} as const satisfies Record<string, Record<string, readonly Step[]>>;

const VERBS = ['stage', 'publish', 'unpublish', 'unstage'] as const;
type Verb = (typeof VERBS)[number];

for (const [access, verbs] of Object.entries(STEPS) as [keyof typeof STEPS, Record<Verb, readonly Step[]>][]) {
  for (const verb of VERBS) {
    for (const at of verbs[verb]) {
      test(`${verb} of a ${access} volume, killed at ${at}, ends as if it had not been when it is called again`, async () => {
        await using scratch = await openScratch();
        const life = await lifeOf(scratch, access);
        for (const before of VERBS.slice(0, VERBS.indexOf(verb))) await life.run(before);
        await life.runKilled(verb, at);
        await life.run(verb);
        await life.run(verb);
        await life.check(verb);
        for (const after of VERBS.slice(VERBS.indexOf(verb) + 1)) await life.run(after);
        await life.check('unstage');
      });

      test(`${verb} of a ${access} volume, killed at ${at} and then given up, leaves nothing`, async () => {
        await using scratch = await openScratch();
        const life = await lifeOf(scratch, access);
        for (const before of VERBS.slice(0, VERBS.indexOf(verb))) await life.run(before);
        await life.runKilled(verb, at);
        await (await scratch.restart()).node.sweep();
        await life.run('unpublish');
        await life.run('unstage');
        await life.check('unstage');
      });
    }
  }
}

interface Life {
  run(verb: Verb): Promise<void>;
  runKilled(verb: Verb, at: Step): Promise<void>;
  /** The state that must hold after the verb. */
  check(verb: Verb): Promise<void>;
}

async function lifeOf(scratch: Scratch, access: 'mount' | 'block'): Promise<Life> {
  const capability: VolumeCapability = access === 'mount' ? mountCapability('ext4') : blockCapability();
  const volumeId = await scratch.pool.create('life', 'device');
  const stagingPath = join(scratch.dir, 'staging', 'life');
  const targetPath = join(scratch.dir, 'pods', 'life');
  await mkdir(stagingPath);
  const input = { volumeId, stagingPath, targetPath, capability, readOnly: false };
  const run = async (verb: Verb): Promise<void> => {
    // As after a restart: nothing but files and the kernel remembers.
    const { node } = await scratch.restart();
    if (verb === 'stage') await node.stage(input, call());
    else if (verb === 'publish') await node.publish(input, call());
    else if (verb === 'unpublish') await node.unpublish(volumeId, targetPath, call());
    else await node.unstage(volumeId, stagingPath, call());
  };
  return {
    run,
    runKilled: async (verb, at) => killAt(scratch.dir, verb, input, at),
    check: async (verb) => {
      const table = await scratch.system.mounts.list();
      const mountsAt = (path: string): number => table.filter((entry) => entry.target === path).length;
      assert.equal(mountsAt(targetPath), verb === 'publish' ? 1 : 0, 'mounts at the target');
      assert.equal(mountsAt(stagingPath), verb === 'unstage' || access === 'block' ? 0 : 1, 'mounts at the staging path');
      assert.deepEqual(await readdir(join(scratch.dir, 'pods')), verb === 'publish' ? ['life'] : []);
      if (verb === 'publish' && access === 'mount') await writeFile(join(targetPath, 'file'), 'data');
      if (verb !== 'unstage') return;
      assert.deepEqual(await scratch.system.loops.findByBacking(scratch.pool.image(volumeId)), [], 'loop devices');
      assert.deepEqual(await readdir(join(scratch.dir, 'root', 'node', 'volumes')).catch(() => []), [], 'node records');
    },
  };
}

async function killAt(dir: string, verb: Verb, input: unknown, at: Step): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'crash-child.ts'), dir, verb, JSON.stringify(input)], {
    env: { ...process.env, CONVOY_KILL_AT: at },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const signal = await new Promise((resolve) => child.once('exit', (_code, name) => resolve(name)));
  assert.equal(signal, 'SIGKILL', `${verb} did not come to ${at}`);
}
