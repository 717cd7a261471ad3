import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

export interface SequenceWriter {
  reaches(count: number): Promise<void>;
  stop(): Promise<void>;
}

/** Appends 1, 2, 3 … to one file with an fsync after each, and makes a file of that name, in a thread of its own. */
export async function startSequenceWriter(directory: string): Promise<SequenceWriter> {
  const source = `const { openSync, writeSync, fsyncSync, writeFileSync, closeSync } = require('node:fs'); const { parentPort, workerData } = require('node:worker_threads');
    const log = openSync(workerData.directory + '/log', 'a');
    for (let n = 1; Atomics.load(workerData.state, 1) === 0; n++) {
      writeSync(log, n + '\\n'); fsyncSync(log);
      const file = openSync(workerData.directory + '/' + n % 500, 'w'); writeSync(file, String(n)); fsyncSync(file); closeSync(file);
      Atomics.store(workerData.state, 0, n); Atomics.notify(workerData.state, 0);
    }
    closeSync(log);`;
  const state = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(source, { eval: true, workerData: { directory, state } });
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('exit', () => resolve());
    worker.once('error', reject);
  });
  return {
    reaches: async (count) => {
      for (let now = Atomics.load(state, 0); now < count; now = Atomics.load(state, 0)) {
        const changed = Atomics.waitAsync(state, 0, now);
        if (changed.async) await Promise.race([changed.value, ended]);
      }
    },
    stop: async () => {
      Atomics.store(state, 1, 1);
      await ended;
    },
  };
}

/** What a file system at one instant can hold of the writer's work: 1 to n without a gap, and file n - 1 whole. */
export function assertPrefix(directory: string): void {
  const numbers = readFileSync(join(directory, 'log'), 'utf8').trimEnd().split('\n').map(Number);
  assert.ok(numbers.length >= 20, `${numbers.length} numbers`);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
  );
  const last = numbers.length - 1;
  assert.equal(readFileSync(join(directory, String(last % 500)), 'utf8'), String(last));
}
