import { constants } from 'node:fs';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { type BlockDevices, CommandError, type Commands, type FsType, type ProbeResult, type SystemCall } from './api.ts';
import { codeError, hasCode } from './errno.ts';
import { parseMountinfo } from './mountinfo.ts';
import type { SyscallClient } from './syscall-client.ts';

const MIB = 1024 * 1024;
/** What mkfs.xfs of xfsprogs 6 insists on, and what ext4 needs so that it gets a journal. */
const MIN_BYTES: Readonly<Record<FsType, bigint>> = { ext4: 16n * BigInt(MIB), xfs: 300n * BigInt(MIB) };
const LABEL_BYTES: Readonly<Record<FsType, number>> = { ext4: 16, xfs: 12 };
/** blkid(8): nothing found, or found but in doubt. */
const BLKID_NOTHING = 2;
const BLKID_AMBIVALENT = 8;

export function openBlockDevices(client: SyscallClient, commands: Commands): BlockDevices {
  const sizeBytes = async (device: string): Promise<bigint> => await client.call('blockSize', { device });
  const probe = async (device: string, call?: SystemCall): Promise<ProbeResult> => await probeDevice(commands, device, call);
  return {
    sizeBytes,
    isBlockDevice: async (path) => (await stat(path)).isBlockDevice(),
    probe,
    mkfs: async (device, fsType, options = {}, call) => {
      checkSize(device, fsType, await sizeBytes(device));
      checkLabel(device, fsType, options.label);
      // Asked again here: between the caller's proof and this line somebody may have written.
      if (options.force !== true) requireBlank(device, await probe(device, call));
      await commands.run(`mkfs.${fsType}`, await mkfsArguments(device, fsType, options), call);
    },
    growMounted: async ({ device, target, fsType }, call) => {
      if (fsType === 'ext4') await growMountedExt4(commands, device, call);
      else if (fsType === 'xfs') await commands.run('xfs_growfs', ['-d', target], call);
      else throw codeError('EOPNOTSUPP', 'growMounted', device, `a file system of type ${fsType} cannot be grown; ext4 and xfs can`);
    },
    growUnmounted: async (device, fsType, call) => {
      if (fsType !== 'ext4')
        throw codeError(
          'EOPNOTSUPP',
          'growUnmounted',
          device,
          `a file system of type ${fsType} cannot be grown without being mounted; ext4 can`,
        );
      // resize2fs insists on a full check just before; 1 is "errors were corrected".
      await commands.run('e2fsck', ['-f', '-p', device], { ...call, okCodes: [0, 1] });
      await commands.run('resize2fs', [device], call);
    },
    check: async (device, fsType, call) => {
      // 1 is "errors were corrected"; xfs mends itself by replaying its log when it is mounted.
      if (fsType === 'ext4') await commands.run('e2fsck', ['-p', device], { ...call, okCodes: [0, 1] });
    },
    fsSizeBytes: async (device, fsType, call) => {
      if (fsType === 'ext4') return await ext4Size(device);
      return fsType === 'xfs' ? await xfsSize(commands, device, call) : undefined;
    },
  };
}

/** The kernel lets only CAP_SYS_RESOURCE resize a mounted ext4; resize2fs reports that as a bare "Permission denied". */
async function growMountedExt4(commands: Commands, device: string, call?: SystemCall): Promise<void> {
  try {
    await commands.run('resize2fs', [device], call);
  } catch (error) {
    if (!(error instanceof CommandError && error.stderr.includes('Permission denied to resize'))) throw error;
    const refused = codeError(
      'EPERM',
      'resize2fs',
      device,
      'growing a mounted ext4 needs the capability CAP_SYS_RESOURCE; grant it, or grow while unmounted',
    );
    refused.cause = error;
    throw refused;
  }
}

async function probeDevice(commands: Commands, device: string, call: SystemCall = {}): Promise<ProbeResult> {
  const { stdout, exitCode } = await commands.run('blkid', ['-p', '-o', 'export', device], {
    ...call,
    okCodes: [0, BLKID_NOTHING, BLKID_AMBIVALENT],
  });
  if (exitCode === BLKID_AMBIVALENT) return { kind: 'other', what: 'signatures of more than one kind' };
  const found = new Map(
    stdout.split('\n').map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const [type, usage, table, uuid] = ['TYPE', 'USAGE', 'PTTYPE', 'UUID'].map((key) => found.get(key));
  if (table !== undefined) return { kind: 'other', what: `a partition table (${table})` };
  if (type !== undefined && usage === 'filesystem') return { kind: 'filesystem', type, ...(uuid === undefined ? {} : { uuid }) };
  if (type !== undefined) return { kind: 'other', what: `${type} (${usage ?? 'unknown use'})` };
  if (exitCode === 0) return { kind: 'other', what: 'a signature that blkid does not name' };
  // blkid also says "nothing" of a device that it cannot read, so only zeroes that were read count.
  return (await endsAreZero(device)) ? { kind: 'blank' } : { kind: 'other', what: 'unknown data' };
}

async function endsAreZero(device: string): Promise<boolean> {
  const file = await open(device, constants.O_RDONLY);
  try {
    if (!(await isZero(file, 0, device))) return false;
    const size = await endOf(device);
    return size <= MIB || (await isZero(file, size - MIB, device));
  } finally {
    await file.close();
  }
}

/** A short read means a device smaller than 1 MiB; nothing read at all is no proof of anything. */
async function isZero(file: FileHandle, position: number, device: string): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MIB), 0, MIB, position);
  if (bytesRead === 0) throw codeError('EIO', 'read', device, 'the device has no bytes to read');
  return buffer.subarray(0, bytesRead).equals(Buffer.alloc(bytesRead));
}

async function endOf(device: string): Promise<number> {
  const info = await stat(device);
  if (!info.isBlockDevice()) return info.size;
  return Number(await readFile(`/sys/dev/block/${deviceNumber(info.rdev)}/size`, 'latin1')) * 512;
}

function requireBlank(device: string, found: ProbeResult): void {
  if (found.kind === 'blank') return;
  const what = found.kind === 'filesystem' ? `a file system of type ${found.type}` : found.what;
  throw codeError('EEXIST', 'mkfs', device, `asked to format a blank device, found ${what}; nothing was written`);
}

function checkSize(device: string, fsType: FsType, size: bigint): void {
  if (size < MIN_BYTES[fsType])
    throw codeError(
      'ERANGE',
      'mkfs',
      device,
      `${fsType} needs at least ${MIN_BYTES[fsType] / BigInt(MIB)} MiB and the device has ${size} bytes`,
    );
}

function checkLabel(device: string, fsType: FsType, label: string | undefined): void {
  if (label !== undefined && Buffer.byteLength(label) > LABEL_BYTES[fsType])
    throw codeError('EINVAL', 'mkfs', device, `a label of ${fsType} has at most ${LABEL_BYTES[fsType]} bytes`);
}

/**
 * Nothing is discarded: on a loop device that would give the image's reserved blocks back. Blocks and sectors of 4096
 * bytes, so that the image can later be attached on a disk with such sectors.
 */
async function mkfsArguments(device: string, fsType: FsType, options: { label?: string }): Promise<string[]> {
  const label = options.label === undefined ? [] : ['-L', options.label];
  if (fsType === 'xfs') return ['-q', '-f', '-K', '-m', 'reflink=1', '-s', 'size=4096', ...label, device];
  // Left to the kernel, inode tables are zeroed after the mount by requests that punch holes into a reserved image;
  // mkfs zeroes them in place. Where the device cannot be told to zero, writing them all would take minutes.
  const lazy = (await canZero(device)) ? 0 : 1;
  return ['-q', '-F', '-m', '0', '-b', '4096', '-E', `nodiscard,lazy_itable_init=${lazy},lazy_journal_init=0`, ...label, device];
}

async function canZero(device: string): Promise<boolean> {
  const number = deviceNumber((await stat(device)).rdev);
  for (const queue of ['queue', '../queue']) {
    try {
      return Number(await readFile(`/sys/dev/block/${number}/${queue}/write_zeroes_max_bytes`, 'latin1')) > 0;
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error; // a partition has its queue one level up
    }
  }
  return false;
}

async function ext4Size(device: string): Promise<bigint> {
  const superblock = await readAt(device, 1024, 1024);
  if (superblock.readUInt16LE(0x38) !== 0xef53) throw notThatType(device, 'ext4');
  const has64Bit = (superblock.readUInt32LE(0x60) & 0x80) !== 0;
  const blocks = BigInt(superblock.readUInt32LE(0x4)) + (has64Bit ? BigInt(superblock.readUInt32LE(0x150)) << 32n : 0n);
  return blocks * BigInt(1024 << superblock.readUInt32LE(0x18));
}

/** A mounted xfs keeps its superblock in its log for a while, so the mount is asked. */
async function xfsSize(commands: Commands, device: string, call?: SystemCall): Promise<bigint> {
  const number = deviceNumber((await stat(device)).rdev);
  const mounted = parseMountinfo(await readFile('/proc/self/mountinfo')).find(
    (entry) => entry.device === number && entry.fsType === 'xfs' && entry.root === '/',
  );
  if (mounted !== undefined) {
    const { stdout } = await commands.run('xfs_growfs', ['-n', mounted.target], call);
    const [, blockBytes, blocks] = /^data\s.*bsize=(\d+)\s+blocks=(\d+)/m.exec(stdout) ?? [];
    if (blockBytes === undefined || blocks === undefined)
      throw new CommandError('xfs_growfs', 'exit', 'xfs_growfs -n did not say the size of the data section', {});
    return BigInt(blockBytes) * BigInt(blocks);
  }
  const superblock = await readAt(device, 0, 512);
  if (superblock.toString('latin1', 0, 4) !== 'XFSB') throw notThatType(device, 'xfs');
  return BigInt(superblock.readUInt32BE(4)) * superblock.readBigUInt64BE(8);
}

async function readAt(device: string, position: number, length: number): Promise<Buffer> {
  const file = await open(device, constants.O_RDONLY);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    if (bytesRead < length) throw codeError('EIO', 'read', device, 'the device ends before its superblock does');
    return buffer;
  } finally {
    await file.close();
  }
}

function notThatType(device: string, fsType: string): Error {
  return codeError('EINVAL', 'read', device, `no ${fsType} superblock where one was expected`);
}

/** `major:minor` of glibc's dev_t as stat gives it; exact, as long as minors have 20 bits. */
function deviceNumber(rdev: number): string {
  const encoded = BigInt(rdev);
  const major = ((encoded >> 8n) & 0xfffn) | ((encoded >> 32n) & ~0xfffn);
  const minor = (encoded & 0xffn) | ((encoded >> 12n) & ~0xffn);
  return `${major}:${BigInt.asUintN(32, minor)}`;
}
