import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openAdmission } from '../../../src/roles/admission.ts';
import type { System } from '../../../src/system/api.ts';

const REASON = 'node a was declared gone';
const put = (): void => {};
const log = { debug: put, info: put, warn: put, error: put, child: () => log };

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
      const first = await openAdmission(root, openSystem(), log);
      assert.deepEqual(first.problems(), []);
      await first.set(false, REASON);
      const second = await openAdmission(root, openSystem(), log);
      assert.deepEqual(second.problems(), [REASON]);
      await second.set(true, '');
      assert.deepEqual(second.problems(), []);
      assert.deepEqual((await openAdmission(root, openSystem(), log)).problems(), []);
    }));

  it('is the last one, also when the one before is still being written', () =>
    withRoot(async (root) => {
      const mayWrite = Promise.withResolvers<void>();
      const admission = await openAdmission(
        root,
        openSystem(() => mayWrite.promise),
        log,
      );
      const words = [admission.set(false, REASON), admission.set(true, '')];
      mayWrite.resolve();
      await Promise.all(words);
      assert.deepEqual(admission.problems(), []);
      assert.equal(existsSync(join(root, 'declared-gone')), false);
    }));

  it('is asked for again after one that could not be written', () =>
    withRoot(async (root) => {
      const admission = await openAdmission(
        root,
        openSystem(() => Promise.reject(new Error('disk full'))),
        log,
      );
      await assert.rejects(admission.set(false, REASON), /disk full/);
      await admission.set(true, '');
      assert.deepEqual(admission.problems(), []);
    }));
});
