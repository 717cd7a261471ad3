import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runConformance, summarize } from '../../src/conformance/index.ts';
import { DriverRegistry } from '../../src/convoy/registry.ts';
import { openScratchRig } from '../support/scratch-rig.ts';

const REPOSITORY = join(import.meta.dirname, '../..');

/** The tutorial's files by path: its `ts` blocks begin with the file that they belong to. */
function tutorialFiles(): ReadonlyMap<string, string> {
  const text = readFileSync(join(REPOSITORY, 'docs/write-a-driver.md'), 'utf8');
  const files = new Map<string, string>();
  for (const [, path = '', code = ''] of text.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm))
    files.set(path, (files.get(path) ?? '') + code);
  return files;
}

describe('the driver of docs/write-a-driver.md', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'convoy-tutorial-'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('is short', () => {
    const lines = [...tutorialFiles().values()].join('').split('\n').length;
    assert.ok(lines < 200, `it has ${lines} lines`);
  });

  it('passes the whole suite in memory', async () => {
    for (const [path, code] of tutorialFiles()) {
      const file = join(directory, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, code.replaceAll("'../../", `'${pathToFileURL(join(REPOSITORY, 'src')).href}/`));
    }
    const shelf = (await import(pathToFileURL(join(directory, 'src/drivers/shelf/index.ts')).href)) as {
      register(registry: DriverRegistry): void;
    };
    const registry = new DriverRegistry();
    shelf.register(registry);
    const results = await inMemory(directory, async (fileSystem) => {
      mkdirSync(join(fileSystem, 'pool'));
      const rig = await openScratchRig({
        registry,
        driver: 'shelf',
        options: { 'shelf.path': join(fileSystem, 'pool') },
        fileSystem,
        directory,
      });
      try {
        return await runConformance(rig);
      } finally {
        await rig.close();
      }
    });
    assert.deepEqual(
      results.filter((each) => each.outcome === 'failed').map((each) => `${each.title}: ${each.reason}`),
      [],
      summarize(results),
    );
    assert.deepEqual(
      [...new Set(results.filter((each) => each.outcome === 'skipped').map((each) => each.reason))],
      ['driver shelf has no expand operations', 'the pool offers a directory, not a device', 'driver shelf has no holders operations'],
    );
  });
});

async function inMemory<T>(directory: string, work: (fileSystem: string) => Promise<T>): Promise<T> {
  const fileSystem = join(directory, 'memory');
  mkdirSync(fileSystem);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1g', 'tmpfs', fileSystem]);
  try {
    return await work(fileSystem);
  } finally {
    execFileSync('umount', ['--lazy', fileSystem]);
  }
}
