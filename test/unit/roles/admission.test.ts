import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type Admission, type AdmissionOptions, openAdmission } from '../../../src/roles/admission.ts';
import type { System } from '../../../src/system/api.ts';

const REASON = 'node a was declared gone';
const put = (): void => {};
const log = { debug: put, info: put, warn: put, error: put, child: () => log };

const open = (root: string, change: Partial<AdmissionOptions> = {}): Promise<Admission> =>
  openAdmission({ root, waits: true, system: openSystem(), log, ...change });

/** Writes when it is let. */
function openSystem(mayWrite: () => Promise<void> = async () => {}): System {
  const files = {
    writeDurable: async (path: string, text: string) => {
      await mayWrite();
      writeFileSync(path, text);
    },
    syncDirectory: async () => {},
  };
  return { files } as unknown as System;
}

async function withRoot(work: (root: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'convoy-admission-'));
  try {
    await work(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe("the controller's word on whether the node counts", () => {
  it('is kept over restarts, and taken back', () =>
    withRoot(async (root) => {
      const first = await open(root);
      assert.deepEqual(first.problems(), []);
      await first.set(false, REASON);
      const second = await open(root);
      assert.deepEqual(second.problems(), [REASON]);
      await second.set(true, '');
      assert.deepEqual(second.problems(), []);
      assert.deepEqual((await open(root)).problems(), []);
    }));

  it('is the last one, also when the one before is still being written', () =>
    withRoot(async (root) => {
      const mayWrite = Promise.withResolvers<void>();
      const admission = await open(root, { system: openSystem(() => mayWrite.promise) });
      const words = [admission.set(false, REASON), admission.set(true, '')];
      mayWrite.resolve();
      await Promise.all(words);
      assert.deepEqual(admission.problems(), []);
      assert.equal(existsSync(join(root, 'declared-gone')), false);
    }));

  it('is asked for again after one that could not be written', () =>
    withRoot(async (root) => {
      const admission = await open(root, { system: openSystem(() => Promise.reject(new Error('disk full'))) });
      await assert.rejects(admission.set(false, REASON), /disk full/);
      await admission.set(true, '');
      assert.deepEqual(admission.problems(), []);
    }));
});

describe('deletes on a node', () => {
  it('are held until the first word, whatever the process before was told', () =>
    withRoot(async (root) => {
      for (const _ of [1, 2]) {
        const admission = await open(root);
        assert.equal(admission.holdsDeletes(), true);
        assert.deepEqual(admission.problems(), [], 'pods are served meanwhile');
        assert.equal(await admission.set(true, ''), true, 'what was held is taken up');
        assert.equal(admission.holdsDeletes(), false);
        assert.equal(await admission.set(true, ''), false, 'once');
      }
    }));

  it('are held while it is declared gone', () =>
    withRoot(async (root) => {
      const admission = await open(root);
      await admission.set(true, '');
      assert.equal(await admission.set(false, REASON), false);
      assert.equal(admission.holdsDeletes(), true);
      assert.equal(await admission.set(true, ''), true);
      assert.equal(admission.holdsDeletes(), false);
    }));

  it('are held by a word that could not be written, and not released by one', () =>
    withRoot(async (root) => {
      let full = true;
      const system = openSystem(() => (full ? Promise.reject(new Error('disk full')) : Promise.resolve()));
      const admission = await open(root, { system });
      await admission.set(true, '');
      await assert.rejects(admission.set(false, REASON), /disk full/);
      assert.equal(admission.holdsDeletes(), true);
      full = false;
      await admission.set(false, REASON);
      Object.assign(system.files, { syncDirectory: () => Promise.reject(new Error('the disk does not answer')) });
      await assert.rejects(admission.set(true, ''), /does not answer/);
      assert.equal(admission.holdsDeletes(), true);
    }));

  it('are not held without a controller, unless it was declared gone', () =>
    withRoot(async (root) => {
      assert.equal((await open(root, { waits: false })).holdsDeletes(), false);
      await (await open(root)).set(false, REASON);
      assert.equal((await open(root, { waits: false })).holdsDeletes(), true);
    }));

  it('are told of once in the log when no word comes', () =>
    withRoot(async (root) => {
      const told: string[] = [];
      const listening = { ...log, warn: (_: object, message: string) => void told.push(message) };
      const silent = await open(root, { log: listening, tellAfterMs: 5 });
      const admitted = await open(root, { log: listening, tellAfterMs: 5 });
      await admitted.set(true, '');
      await pause(60);
      assert.equal(told.length, 1);
      assert.match(told[0] ?? '', /no controller has said yet/);
      await silent.set(false, REASON);
      await open(root, { log: listening, tellAfterMs: 5 });
      await pause(60);
      assert.equal(told.filter((message) => message.includes('no controller')).length, 1);
    }));
});
