import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { openScratch, sh } from './scratch.ts';

const scratch = openScratch();
const { trees } = scratch.system;

/** One of each kind of thing that a tenant can make. */
const MAKE_ALL = `set -e; cd "$1"
mkdir -p a/b empty; echo content > a/file; chmod 4751 a/file; ln a/file a/b/second; ln a/file third
ln -s /etc/passwd absolute; ln -s ../../../.. up; ln -s dangling dangling; ln dangling dangling-too; chown -h 12:13 absolute
mkfifo fifo; mknod null c 1 3; mknod disk b 7 300
truncate -s 20M sparse; printf x | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
printf bytes > "$(printf 'bad\\377\\376name')"; mkdir "$(printf 'dir\\377')"; echo deep > "$(printf 'dir\\377')/f"
echo nl > "new
line"; printf '' > zero; chown 1001:1002 a/b; chmod 2770 a/b
setfattr -n user.note -v hello a/file; setfattr -n trusted.secret -v root empty
# user:1005:r-x beside owner, group, mask and other, as setfacl writes it
setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000500ed03000004000400ffffffff10000500ffffffff20000000ffffffff a/b/second
setfattr -n system.posix_acl_default -v 0x0200000001000700ffffffff02000500ed03000004000500ffffffff10000500ffffffff20000000ffffffff a/b
touch -h -d '2001-02-03 04:05:06.123456789' absolute a/file empty sparse; touch -d '1969-12-31 23:59:58.5' zero
touch -d '2002-02-03 04:05:06.987654321' a/b a .`;

function makeAll(): string {
  const path = scratch.directory();
  sh('bash', '-c', MAKE_ALL, '-', path);
  return path;
}

/** Everything about a tree that a copy has to keep, as one text; inodes are replaced by the set of names that share one. */
function picture(path: string): string {
  const listed = sh('find', path, '-printf', '%P\\1%y\\1%m\\1%U:%G\\1%n\\1%T@\\1%l\\1%i\\1%s\\2');
  const entries = Buffer.from(listed, 'latin1')
    .toString('latin1')
    .split('\x02')
    .filter(Boolean)
    .map((line) => line.split('\x01'));
  const sharing = Map.groupBy(entries, (fields) => fields[7]);
  const lines = entries.map(([name, type, mode, owner, links, time, link, inode, size]) =>
    [
      name,
      type,
      mode,
      owner,
      type === 'd' ? '' : links,
      time,
      link,
      type === 'd' ? '' : size,
      type === 'd'
        ? ''
        : sharing
            .get(inode)
            ?.map(([other]) => other)
            .sort()
            .join(),
    ].join(' '),
  );
  const xattrs = execFileSync(
    'bash',
    ['-c', 'cd "$1"; find . -print0 | sort -z | xargs -0 getfattr -h -d -m - --absolute-names', '-', path],
    { encoding: 'latin1' },
  );
  const devices = sh('bash', '-c', 'cd "$1"; find . -type b,c -exec stat -c "%n %t:%T" {} + | sort', '-', path);
  const contents = execFileSync('bash', ['-c', 'cd "$1"; find . -type f -print0 | sort -z | xargs -0 sha256sum', '-', path], {
    encoding: 'latin1',
  });
  return [lines.sort().join('\n'), xattrs, devices, contents].join('\n');
}

describe('copy', () => {
  test('everything but sockets is kept', async () => {
    const from = makeAll();
    const to = join(scratch.directory(), 'copy');
    const result = await trees.copy(from, to, { maxRounds: 5 });
    assert.equal(result.kind, 'copied');
    assert.equal(picture(to), picture(from));
    assert.ok(statSync(join(to, 'sparse')).blocks < 100, 'still sparse');
  });

  for (const [type, shared] of [
    ['ext4', false],
    ['xfs', true],
    ['btrfs', true],
  ] as const) {
    test(`a copy within ${type} ${shared ? 'shares' : 'does not share'} blocks`, async () => {
      const base = scratch.mounted(type);
      const from = join(base, 'from');
      mkdirSync(from);
      sh('bash', '-c', MAKE_ALL, '-', from);
      const result = await trees.copy(from, join(base, 'to'), { maxRounds: 5 });
      assert.equal(result.kind === 'copied' && result.sharedBlocks, shared);
      assert.equal(picture(join(base, 'to')), picture(from));
    });
  }

  test('the left-over of a killed copy is made equal, whatever it holds', async () => {
    const [from, to] = [makeAll(), scratch.directory()];
    const outside = scratch.directory();
    writeFileSync(join(outside, 'kept'), '');
    symlinkSync(outside, join(to, 'a'));
    mkdirSync(join(to, 'zero'));
    writeFileSync(join(to, 'zero', 'x'), '');
    writeFileSync(join(to, 'extra'), '');
    symlinkSync('/nowhere', join(to, 'sparse'));
    await trees.copy(from, to, { maxRounds: 5 });
    assert.equal(picture(to), picture(from));
    assert.deepEqual(readdirSync(outside), ['kept']);
  });

  test('a target that is a link is refused', async () => {
    const base = scratch.directory();
    symlinkSync(base, join(base, 'link'));
    await assert.rejects(trees.copy(makeAll(), join(base, 'link'), { maxRounds: 1 }), { code: /ELOOP|ENOTDIR/ });
  });

  test('a copy into itself is refused', async () => {
    const from = makeAll();
    await assert.rejects(trees.copy(from, from, { maxRounds: 1 }), { code: 'EINVAL' });
    assert.ok(existsSync(join(from, 'zero')));
    await assert.rejects(trees.copy(from, join(from, 'a', 'copy'), { maxRounds: 1 }), { code: 'EINVAL' });
    await assert.rejects(trees.copy(join(from, 'a', 'b'), from, { maxRounds: 1 }), { code: 'EINVAL' });
    assert.ok(existsSync(join(from, 'zero')));
  });

  test('a mount below the source is named', async () => {
    const from = makeAll();
    sh('mount', '--bind', '/etc', join(from, 'a', 'b'));
    try {
      await assert.rejects(trees.copy(from, join(scratch.directory(), 'copy'), { maxRounds: 5 }), { code: 'EXDEV', path: 'a/b' });
    } finally {
      sh('umount', join(from, 'a', 'b'));
    }
  });

  test('a file mounted below the source is named', async () => {
    const from = makeAll();
    sh('mount', '--bind', '/etc/passwd', join(from, 'zero'));
    try {
      await assert.rejects(trees.copy(from, join(scratch.directory(), 'copy'), { maxRounds: 5 }), { code: 'EXDEV', path: 'zero' });
    } finally {
      sh('umount', join(from, 'zero'));
    }
  });

  test('a source that is itself a mount is copied', async () => {
    const base = scratch.mounted('ext4');
    writeFileSync(join(base, 'file'), 'x');
    const to = join(scratch.directory(), 'copy');
    await trees.copy(base, to, { maxRounds: 5 });
    assert.equal(readFileSync(join(to, 'file'), 'utf8'), 'x');
  });

  test('a full target is ENOSPC with the file it stopped at', async () => {
    const from = scratch.directory();
    mkdirSync(join(from, 'd'));
    writeFileSync(join(from, 'd', 'large'), Buffer.alloc(24 * 2 ** 20, 1));
    await assert.rejects(trees.copy(from, join(scratch.mounted('ext4', 16), 'to'), { maxRounds: 5 }), { code: 'ENOSPC', path: 'd/large' });
  });

  test('an abort ends it and closes what it had open', async () => {
    const from = scratch.directory();
    mkdirSync(join(from, 'd'));
    for (let n = 0; n < 4; n++) writeFileSync(join(from, 'd', `large${n}`), Buffer.alloc(16 * 2 ** 20, 1));
    const open = openDescriptors(from);
    const abort = new AbortController();
    const copying = trees.copy(from, join(scratch.directory(), 'to'), {
      maxRounds: 5,
      signal: abort.signal,
      bandwidth: 20 * 2 ** 20,
      progress: () => abort.abort(),
    });
    await assert.rejects(copying, { name: 'AbortError' });
    assert.equal(openDescriptors(from), open);
  });
});

describe('copy of a tree in use', () => {
  let from = '';
  let to = '';
  beforeEach(() => {
    [from, to] = [makeAll(), join(scratch.directory(), 'copy')];
    for (let n = 0; n < 8; n++) writeFileSync(join(from, `pace${n}`), Buffer.alloc(2 ** 20, n));
  });

  /** Changes the source while the first pass is at work, which a bandwidth makes long enough. */
  async function copyWhile(change: () => void, maxRounds = 5): ReturnType<typeof trees.copy> {
    let once = false;
    const progress = (): void => {
      if (!once) change();
      once = true;
    };
    const result = await trees.copy(from, to, { maxRounds, bandwidth: 12 * 2 ** 20, progress });
    assert.equal(once, true);
    return result;
  }

  test('what changes meanwhile is copied again', async () => {
    const result = await copyWhile(() => {
      for (let n = 0; n < 8; n++) writeFileSync(join(from, `pace${n}`), `changed${n}`);
      rmSync(join(from, 'empty'), { recursive: true });
      writeFileSync(join(from, 'empty'), 'now a file');
      rmSync(join(from, 'zero'));
      mkdirSync(join(from, 'zero'));
      writeFileSync(join(from, 'zero', 'inner'), 'now a directory');
      renameSync(join(from, 'a'), join(from, 'renamed'));
      rmSync(join(from, 'fifo'));
      symlinkSync('/etc', join(from, 'fifo'));
      writeFileSync(join(from, 'new'), 'new');
    });
    assert.equal(result.kind, 'copied');
    assert.ok(result.rounds > 1);
    assert.equal(picture(to), picture(from));
  });

  test('a link made to a file that was copied already stays a link', async () => {
    const result = await copyWhile(() => {
      for (let n = 0; n < 8; n++) sh('ln', join(from, `pace${n}`), join(from, `another${n}`));
    });
    assert.equal(result.kind, 'copied');
    assert.equal(picture(to), picture(from));
  });

  test('a file written without end is named', async () => {
    const stop = writeForever(join(from, 'pace0'));
    const result = await trees.copy(from, to, { maxRounds: 3 });
    stop();
    assert.deepEqual(result, { kind: 'unstable', path: 'pace0', rounds: 3 });
  });

  test('with no rounds asked for one pass is enough', async () => {
    const stop = writeForever(join(from, 'pace0'));
    const result = await trees.copy(from, to, { maxRounds: 0 });
    stop();
    assert.equal(result.kind, 'copied');
    assert.equal(result.rounds, 0);
  });

  test('times of the source are no part of the comparison once they are old', async () => {
    lutimesSync(join(from, 'pace1'), 1, 1);
    truncateSync(join(from, 'pace2'), 5);
    const result = await trees.copy(from, to, { maxRounds: 1 });
    assert.equal(result.kind, 'copied');
    assert.equal(picture(to), picture(from));
  });
});

/** Descriptors of this process that stand for something below `path`. */
function openDescriptors(path: string): number {
  return sh('bash', '-c', 'ls -l /proc/$1/fd | grep -c -- "$2"; true', '-', String(process.pid), path).trim() === '0' ? 0 : 1;
}

function writeForever(path: string): () => void {
  const timer = setInterval(() => writeFileSync(path, String(Math.random())), 1);
  return () => clearInterval(timer);
}
