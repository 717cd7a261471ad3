import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConvoyDriver, HolderOperations } from '../../../src/convoy/contract.ts';
import { nodeKey } from '../../../src/convoy/ids.ts';
import type { System } from '../../../src/system/api.ts';
import { openSystem } from '../../../src/system/index.ts';
import { openScratchFs, type ScratchFs } from '../../support/scratch-fs.ts';
import { callWith, MIB, makeDriver, rejects, volumeId } from '../drivers/driver-rig.ts';

const CHILD = fileURLToPath(new URL('holder-child.ts', import.meta.url));
const run = promisify(execFile);
const id = volumeId('held');

describe('holders of a pool that many hosts reach', () => {
  let system: System;
  let fs: ScratchFs;
  let path = '';
  let count = 0;
  const opened: ConvoyDriver[] = [];
  let holders: HolderOperations;
  before(() => {
    fs = openScratchFs('ext4', 512n * MIB);
    system = openSystem();
  });
  after(async () => {
    for (const driver of opened) await driver.close();
    await system.close();
    fs.close();
  });

  const open = async (more: Readonly<Record<string, string>> = {}, on: System = system): Promise<ConvoyDriver> => {
    const driver = await makeDriver('vfs', { 'vfs.path': path, 'vfs.scope': 'global', ...more }, on);
    opened.push(driver);
    return driver;
  };
  const holdersOf = ({ operations }: ConvoyDriver): HolderOperations => {
    assert.ok(operations.holders !== undefined);
    return operations.holders;
  };
  /** What is below the pool's folder of holders, by its path there. */
  const left = (): readonly string[] =>
    existsSync(join(path, 'holders')) ? readdirSync(join(path, 'holders'), { recursive: true, encoding: 'utf8' }).sort() : [];
  const note = (node: string): string => join(path, 'holders', id, nodeKey(node));
  const plant = (name: string): string => {
    mkdirSync(join(path, 'holders', id), { recursive: true });
    return join(path, 'holders', id, name);
  };
  const held = async (): Promise<readonly string[]> => [...(await holders.holders(id))].sort();

  /** Each test has a pool with one volume. */
  beforeEach(async () => {
    count += 1;
    path = join(fs.path, `pool-${count}`);
    mkdirSync(path);
    const driver = await open();
    await driver.operations.storage.writeMarker('marker', false);
    await driver.operations.volume.createVolume(id, { sizeBytes: MIB }, callWith());
    holders = holdersOf(driver);
  });

  it('are only there with scope global', async () => {
    const local = await open({ 'vfs.scope': 'local' });
    assert.equal(local.operations.holders, undefined);
    assert.deepEqual([local.properties.scope, (await local.info())['Scope']], ['local', 'local']);
    const global = await open();
    assert.deepEqual([global.properties.scope, (await global.info())['Scope']], ['global', 'global']);
  });

  it('are files of one line, made with their folders when they are first needed, and all removed in the end', async () => {
    assert.deepEqual(left(), []);
    assert.deepEqual([await held(), await holders.heldBy('a')], [[], []]);
    assert.ok(!existsSync(join(path, 'holders')));
    await holders.addHolder(id, 'a');
    await holders.addHolder(id, 'b');
    const text = readFileSync(note('a'), 'utf8');
    assert.match(text, /^\{"version":1,"node":"a","since":"[^"]+"\}\n$/);
    assert.ok(Math.abs(Date.parse((JSON.parse(text) as { since: string }).since) - Date.now()) < 60_000);
    for (const folder of ['holders', join('holders', id)]) assert.equal(lstatSync(join(path, folder)).mode & 0o777, 0o700);
    assert.equal(lstatSync(note('a')).mode & 0o777, 0o600);
    await holders.addHolder(id, 'a');
    assert.equal(readFileSync(note('a'), 'utf8'), text, 'since when it was held');
    await holders.removeHolder(id, 'a');
    assert.deepEqual(left(), [id, join(id, nodeKey('b'))]);
    await holders.removeHolder(id, 'b');
    await holders.removeHolder(id, 'b');
    assert.deepEqual(left(), []);
  });

  it('do not make an empty place one that is not', async () => {
    path = join(fs.path, 'empty');
    mkdirSync(join(path, 'holders'), { recursive: true });
    const { storage } = (await open()).operations;
    assert.equal(await storage.isEmpty(), true);
    mkdirSync(join(path, 'holders', id));
    assert.equal(await storage.isEmpty(), false);
  });

  it('are of volumes that are there', async () => {
    const never = volumeId('never');
    await rejects(holders.addHolder(never, 'a'), 'NotFound', new RegExp(never));
    assert.deepEqual(left(), []);
    for (const wrong of ['..', '', '../volumes', 'x'] as never[])
      for (const work of [
        () => holders.addHolder(wrong, 'a'),
        () => holders.removeHolder(wrong, 'a'),
        async () => {
          await holders.holders(wrong);
        },
      ])
        await rejects(work(), 'NotFound');
    assert.deepEqual(left(), []);
  });

  it('are not of a volume that goes away while they are noted', async () => {
    const { trash } = (await open()).operations;
    // As a network file system may have it that was asked for the name before: the folder is found, and is in the trash.
    const files = {
      ...system.files,
      writeDurable: async (file: string, text: string, options?: { mode?: number }): Promise<void> => {
        await system.files.writeDurable(file, text, options);
        await trash?.discard('volume', id);
      },
    };
    const node = holdersOf(await open({}, { ...system, files }));
    await rejects(node.addHolder(id, 'a'), 'NotFound', new RegExp(id));
    assert.deepEqual(await held(), ['a'], 'the caller ends it');
    await node.removeHolder(id, 'a');
    assert.deepEqual(left(), []);
  });

  it('outlive the volume where they were not ended, and are told of a new one of its name', async () => {
    const { trash } = (await open()).operations;
    await holders.addHolder(id, 'a');
    await trash?.discard('volume', id);
    await rejects(holders.addHolder(id, 'b'), 'NotFound');
    assert.deepEqual([await held(), await holders.heldBy('a')], [['a'], [id]]);
    await holders.removeHolder(id, 'a');
    assert.deepEqual(left(), []);
  });

  it('that were only half noted hold nothing, are found by who noted them, and go with the next end', async () => {
    writeFileSync(plant(`.${nodeKey('a')}.tmp`), '{"version":1,"no');
    await holders.addHolder(id, 'b');
    assert.deepEqual(await held(), ['b']);
    assert.deepEqual([await holders.heldBy('a'), await holders.heldBy('c')], [[id], []]);
    await holders.addHolder(id, 'a');
    assert.deepEqual([await held(), left().length], [['a', 'b'], 3]);
    writeFileSync(plant(`.${nodeKey('a')}.tmp`), '');
    for (const node of ['a', 'b']) await holders.removeHolder(id, node);
    assert.deepEqual(left(), []);
  });

  it('that cannot be read hold the volume, with the name of the file', async () => {
    const elsewhere = join(fs.path, 'elsewhere');
    writeFileSync(elsewhere, `{"version":1,"node":"link","since":"x"}`);
    const made = {
      empty: (file: string) => writeFileSync(file, ''),
      half: (file: string) => writeFileSync(file, '{"version":1,"node":"ha'),
      'no object': (file: string) => writeFileSync(file, 'null'),
      'of another key': (file: string) => writeFileSync(file, '{"version":1,"node":"other","since":"x"}'),
      newer: (file: string) => writeFileSync(file, '{"version":2,"node":"newer","since":"x"}'),
      'no text': (file: string) => writeFileSync(file, Buffer.from([0xff, 0xfe])),
      large: (file: string) => writeFileSync(file, Buffer.alloc((1 << 20) + 1)),
      link: (file: string) => symlinkSync(elsewhere, file),
      'dead link': (file: string) => symlinkSync('/nowhere', file),
      directory: (file: string) => mkdirSync(file),
      fifo: (file: string) => execFileSync('mkfifo', [file]),
    };
    for (const [node, make] of Object.entries(made)) {
      const file = plant(nodeKey(node));
      make(file);
      const found = await held();
      assert.equal(found.length, 1, node);
      assert.match(found[0] ?? '', new RegExp(`^unknown by ${file} \\(.*remove it`), node);
      assert.deepEqual(await holders.heldBy(node), [id], node);
      await holders.addHolder(id, 'good');
      assert.equal((await held()).length, 2, node);
      await holders.removeHolder(id, 'good');
      rmSync(file, { recursive: true });
    }
    assert.equal(readFileSync(elsewhere, 'utf8').length, 39);
  });

  it('of this node are mended by noting them again', async () => {
    for (const make of [(file: string) => writeFileSync(file, 'half'), (file: string) => symlinkSync('/etc/passwd', file)]) {
      make(plant(nodeKey('a')));
      await holders.addHolder(id, 'a');
      assert.deepEqual(await held(), ['a']);
      assert.ok(lstatSync(note('a')).isFile());
      await holders.removeHolder(id, 'a');
    }
    assert.match(readFileSync('/etc/passwd', 'utf8'), /^root:/);
  });

  it('are not looked for in what is not their own, which stays', async () => {
    await holders.addHolder(id, 'a');
    for (const odd of ['.nfs000000000001', 'README', nodeKey('b').toUpperCase(), `${nodeKey('b')}.tmp`, ' ', '\u{1f40b}'])
      writeFileSync(plant(odd), 'x');
    for (const odd of ['foreign', id.toUpperCase(), `.${id}`]) mkdirSync(join(path, 'holders', odd));
    writeFileSync(join(path, 'holders', volumeId('file')), '');
    symlinkSync(join(path, 'holders', id), join(path, 'holders', volumeId('link')));
    assert.deepEqual([await held(), await holders.heldBy('a'), await holders.heldBy('b')], [['a'], [id], []]);
    await holders.removeHolder(id, 'a');
    assert.deepEqual([await held(), readdirSync(join(path, 'holders', id)).length], [[], 6]);
  });

  it('are not followed through a link, and who cannot be told of is not nobody', async () => {
    const outside = join(fs.path, 'outside');
    mkdirSync(join(outside, id), { recursive: true });
    const attempts = async (): Promise<void> => {
      await rejects(holders.holders(id), 'DataLoss', /not a directory/);
      await rejects(holders.addHolder(id, 'a'), 'DataLoss', /not a directory/);
      await rejects(holders.removeHolder(id, 'a'), 'DataLoss', /not a directory/);
    };
    writeFileSync(join(outside, nodeKey('a')), 'theirs');
    writeFileSync(join(outside, id, nodeKey('a')), 'theirs');
    symlinkSync(outside, join(path, 'holders'));
    await attempts();
    await rejects(holders.heldBy('a'), 'DataLoss');
    unlinkSync(join(path, 'holders'));
    mkdirSync(join(path, 'holders'));
    symlinkSync(outside, join(path, 'holders', id));
    await attempts();
    assert.deepEqual(await holders.heldBy('a'), []);
    unlinkSync(join(path, 'holders', id));
    writeFileSync(join(path, 'holders', id), '');
    await attempts();
    assert.deepEqual(readdirSync(outside, { recursive: true }).length, 3);
  });

  it('cannot be told of a pool that is not there', async () => {
    await holders.addHolder(id, 'a');
    execFileSync('mount', ['-t', 'tmpfs', 'none', path]);
    try {
      await rejects(holders.holders(id), 'Unavailable');
      await rejects(holders.heldBy('a'), 'Unavailable');
      await rejects(holders.addHolder(id, 'b'), 'Unavailable');
      await rejects(holders.removeHolder(id, 'a'), 'Unavailable');
      assert.deepEqual(readdirSync(path), []);
    } finally {
      execFileSync('umount', [path]);
    }
    assert.deepEqual(await held(), ['a']);
  });

  it('on a read-only file system are refused, and say what to do', async () => {
    execFileSync('mount', ['-o', 'remount,ro', fs.path]);
    try {
      await rejects(holders.addHolder(id, 'a'), 'Unavailable', /read-only/);
    } finally {
      execFileSync('mount', ['-o', 'remount,rw', fs.path]);
    }
  });

  it('lose no note to nodes that come and go in processes of their own', async () => {
    const nodes = Array.from({ length: 8 }, (_, index) => `node-${index}`);
    const children = nodes.map((node) => run(process.execPath, [CHILD, path, id, node, '25']));
    const end = Promise.all(children);
    let ended = false;
    void end.finally(() => {
      ended = true;
    });
    // Who manages the pool looks meanwhile, and never sees a note of nobody.
    while (!ended) for (const node of await holders.holders(id)) assert.ok(nodes.includes(node), node);
    await end;
    assert.deepEqual(await held(), nodes);
    await Promise.all(nodes.map((node) => holders.removeHolder(id, node)));
    assert.deepEqual(left(), []);
  });

  it('are written by a guest, and nothing else is', async () => {
    const before = readdirSync(path, { recursive: true }).sort();
    const change = lstatSync(path).mtimeMs;
    const calls: string[] = [];
    const files = new Proxy(system.files, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          calls.push(String(key));
          return Reflect.apply(value, target, args);
        };
      },
    });
    const guest = await open({}, { ...system, files });
    const { storage, records, access } = guest.operations;
    assert.equal(await storage.readMarker(), 'marker');
    await records.readRecord('volume', id);
    const offered = await access.openAccess(id, { readOnly: false, raw: false });
    await offered.close();
    assert.deepEqual(new Set(calls), new Set(['stats']));
    assert.equal(lstatSync(path).mtimeMs, change);
    assert.deepEqual(readdirSync(path, { recursive: true }).sort(), before);
    assert.equal((await guest.info())['SharesBlocks'], undefined, 'it has not looked');
    await holdersOf(guest).addHolder(id, 'guest');
    assert.deepEqual(await held(), ['guest']);
    await holdersOf(guest).removeHolder(id, 'guest');
    await storage.lock();
    assert.equal((await guest.info())['SharesBlocks'], 'false');
  });
});
