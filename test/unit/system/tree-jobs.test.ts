import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openTreeJobs, type TreeJobs } from '../../../src/system/tree-jobs.ts';

describe('a thread of tree jobs', () => {
  let jobs: TreeJobs;
  let directory: string;

  beforeEach(() => {
    jobs = openTreeJobs();
    directory = mkdtempSync(join(tmpdir(), 'convoy-jobs-'));
    writeFileSync(join(directory, 'file'), 'x');
  });
  afterEach(async () => {
    await jobs.close();
    rmSync(directory, { recursive: true });
  });

  const measure = async (): Promise<number> => (await jobs.run('measureTree', { path: directory })).entries;

  it('that failed fails its job alone, and gets no further one', async () => {
    // Nothing that a caller could send: it stands for a defect, or for a thread that ran out of memory.
    const fatal = jobs.run('measureTree', null as never);
    await assert.rejects(fatal, /the worker of measureTree died/);
    assert.ok((await measure()) > 0);
    assert.ok((await measure()) > 0);
  });

  it('that failed while others work leaves them alone', async () => {
    const [failed, ...done] = await Promise.allSettled([jobs.run('measureTree', null as never), measure(), measure()]);
    assert.equal(failed?.status, 'rejected');
    assert.deepEqual(
      done.map(({ status }) => status),
      ['fulfilled', 'fulfilled'],
    );
    assert.ok((await measure()) > 0);
  });
});
