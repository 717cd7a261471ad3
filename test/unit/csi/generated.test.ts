import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { existingFiles, generate } from '../../../scripts/generate.ts';
import { REDACTION } from '../../../src/csi/gen/redaction.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

test('the generated files are what `npm run generate` makes of the proto files', async () => {
  const wanted = await generate(ROOT);
  const stale: string[] = [];
  for (const [name, text] of wanted) {
    const path = join(ROOT, name);
    if (!existsSync(path) || (await readFile(path, 'utf8')) !== text) stale.push(name);
  }
  assert.deepEqual(stale, [], 'run `npm run generate`');
  assert.deepEqual(await existingFiles(ROOT), [...wanted.keys()].sort(), 'files that nothing generates');
});

test('every secrets field of the served services is redacted', async () => {
  const proto = await readFile(join(ROOT, 'proto/csi.proto'), 'utf8');
  const notServed = /GroupSnapshot|GetMetadata/;
  const messages = proto.split(/^message /m).slice(1);
  const names = messages.filter((text) => text.includes('csi_secret')).map((text) => text.split(' ')[0] ?? '');
  const served = names.filter((name) => !notServed.test(name));
  assert.ok(served.length > 10);
  for (const name of served) assert.equal(REDACTION[`csi.v1.${name}`]?.['secrets'], 'secret', name);
});

test('mount flags and volume context are redacted wherever they are nested', () => {
  assert.deepEqual(REDACTION['csi.v1.VolumeCapability'], { mount: { message: 'csi.v1.VolumeCapability.MountVolume' } });
  assert.deepEqual(REDACTION['csi.v1.VolumeCapability.MountVolume'], { mountFlags: 'secret' });
  assert.deepEqual(REDACTION['csi.v1.NodePublishVolumeRequest'], {
    volumeCapability: { message: 'csi.v1.VolumeCapability' },
    secrets: 'secret',
    volumeContext: 'context',
  });
});
