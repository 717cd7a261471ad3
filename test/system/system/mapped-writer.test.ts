import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, type ScratchFs } from '../../support/scratch-fs.ts';

const SIZE = 32 << 20;
const COPIES = 6;

/** The two counters of the mapped writer: its last page is mapped by itself, so its second counter begins that page. */
function counters(path: string): { first: bigint; last: bigint } {
  const file = openSync(path, 'r');
  try {
    const [first, last] = [Buffer.alloc(8), Buffer.alloc(8)];
    readSync(file, first, 0, 8, 0);
    readSync(file, last, 0, 8, statSync(path).size - 4096);
    return { first: first.readBigUInt64LE(), last: last.readBigUInt64LE() };
  } finally {
    closeSync(file);
  }
}

for (const type of ['ext4', 'xfs'] as const)
  describe(`a tree with a file that a program writes through a memory map, on ${type}`, () => {
    let system: System;
    let disk: ScratchFs;
    let writer: ChildProcess | undefined;

    before(() => {
      system = openSystem();
      disk = openScratchFs(type, 1n << 30n);
    });
    after(async () => {
      writer?.kill('SIGKILL');
      if (writer !== undefined) await once(writer, 'exit');
      await system.close();
      disk.close();
    });

    it('is copied whole or refused, never torn', async () => {
      const from = join(disk.path, 'from');
      mkdirSync(from);
      writeFileSync(join(from, 'mapped'), Buffer.alloc(SIZE, 0));
      writer = spawn(process.execPath, ['test/support/mapped-writer.ts', join(from, 'mapped')], { stdio: ['ignore', 'pipe', 'inherit'] });
      assert.ok(writer.stdout);
      await once(writer.stdout, 'data');
      for (let copy = 0; copy < COPIES; copy += 1) {
        const to = join(disk.path, `to-${copy}`);
        const result = await system.trees.copy(from, to, { maxRounds: 5 });
        if (result.kind === 'copied') {
          const { first, last } = counters(join(to, 'mapped'));
          assert.ok(first === last || first === last + 1n, `torn: first ${first}, last ${last}`);
        } else assert.equal(result.path, 'mapped');
        rmSync(to, { recursive: true, force: true });
      }
      assert.ok(readFileSync(join(from, 'mapped')).readBigUInt64LE() > 0n, 'the writer wrote');
    });
  });
