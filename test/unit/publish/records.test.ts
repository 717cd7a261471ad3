import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PlaceRecord } from '../../../src/publish/record-format.ts';
import { NodeRecords } from '../../../src/publish/records.ts';

async function withDirectory(
  work: (open: (bootId?: string) => NodeRecords, directory: string, warnings: string[]) => Promise<void>,
): Promise<void> {
  const base = await mkdtemp(join(tmpdir(), 'convoy-records-'));
  const directory = join(base, 'node', 'volumes');
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (_fields: unknown, message: string) => void warnings.push(message) };
  try {
    await work((bootId = 'boot 1') => new NodeRecords(directory, bootId, log), directory, warnings);
  } finally {
    await rm(base, { recursive: true });
  }
}

const place = (path: string, kind: PlaceRecord['kind'] = 'published'): PlaceRecord => ({
  path,
  kind,
  access: 'mount',
  readOnly: false,
  fsType: 'ext4',
  flags: [],
  mode: 'SINGLE_NODE_WRITER',
  identity: '7:2',
});

test('places survive a restart, and the file goes with the last of them', async () => {
  await withDirectory(async (open, directory) => {
    const records = open();
    await Promise.all([records.put('volume', place('/a')), records.put('volume', place('/b')), records.put('volume', place('/c'))]);
    assert.deepEqual((await open().read('volume')).places.map(({ path }) => path).sort(), ['/a', '/b', '/c']);
    assert.deepEqual((await open().read('volume')).places[0], place('/a'));
    await Promise.all(['/a', '/b', '/c'].map((path) => records.drop('volume', path)));
    assert.deepEqual(await readdir(directory), []);
  });
});

test('hostile ids are no paths, and records are for root alone', async () => {
  await withDirectory(async (open, directory) => {
    const records = open();
    for (const id of ['../../escape', 'a/b', '\n', '__proto__', '']) await records.put(id, place('/x'));
    const names = await readdir(directory);
    assert.equal(names.length, 5);
    for (const name of names) {
      assert.match(name, /^[0-9a-f]{32}\.json$/);
      assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
    }
    assert.equal((await open().list()).length, 5);
  });
});

test('a record from before this boot proves no mount, but still names targets to remove', async () => {
  await withDirectory(async (open) => {
    await open().put('volume', place('/staging', 'staged'));
    const first = open();
    await first.put('volume', place('/target'));
    const { identity: _identity, ...rest } = place('/target');
    assert.deepEqual((await open('boot 2').read('volume')).places, [rest]);
  });
});

test('a damaged record counts as absent, is warned of and replaced by the next place', async () => {
  await withDirectory(async (open, directory, warnings) => {
    await open().put('volume', place('/a'));
    const [name = ''] = await readdir(directory);
    const whole = await readFile(join(directory, name), 'utf8');
    for (const text of ['', '{', '[]', 'null', '{"version":2}', whole.replace('"/a"', '"relative"'), whole.replace('"mount"', '"other"')]) {
      await writeFile(join(directory, name), text);
      assert.deepEqual(await open().read('volume'), { volumeId: 'volume', places: [], damaged: true }, text);
    }
    assert.ok(warnings.length >= 7);
    const records = open();
    await records.put('volume', place('/b'));
    assert.deepEqual(await open().read('volume'), { volumeId: 'volume', places: [place('/b')] });
  });
});

test('a release that is pending keeps the record without places', async () => {
  await withDirectory(async (open, directory) => {
    const records = open();
    await records.put('volume', place('/a'));
    await records.setReleasePending('volume', true);
    await records.drop('volume', '/a');
    assert.deepEqual(await open().read('volume'), { volumeId: 'volume', places: [], releasePending: true });
    await records.setReleasePending('volume', false);
    assert.deepEqual(await readdir(directory), []);
  });
});

test('a temporary file of a killed process is removed by listing', async () => {
  await withDirectory(async (open, directory) => {
    await open().put('volume', place('/a'));
    await writeFile(join(directory, 'left.json.1.tmp'), '');
    await open().list();
    assert.equal((await readdir(directory)).length, 1);
  });
});
