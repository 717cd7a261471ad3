/**
 * The kernel and the machine, as the layers above see them. Nothing here knows of volumes.
 *
 * One `System` is made at start (`openSystem`) and handed down. Errors are errno errors
 * (`code: 'ENOENT'`, `syscall`, `path`) or a CommandError; the layers above classify them.
 * Fast calls run in one worker thread through FFI; what can block for long runs as a child
 * process with a deadline or in a worker of its own (docs/architecture.md, "System calls").
 */
export interface System {
  readonly mounts: Mounts;
  readonly loops: LoopDevices;
  readonly blocks: BlockDevices;
  readonly files: Files;
  readonly trees: Trees;
  readonly commands: Commands;
  /** Ends workers. Unmounts and detaches nothing. */
  close(): Promise<void>;
}

/** One line of /proc/self/mountinfo, octal escapes decoded (proc_pid_mountinfo(5)). */
export interface MountEntry {
  readonly id: number;
  readonly parentId: number;
  /** `major:minor` of the file system. */
  readonly device: string;
  /** Path within the file system that is mounted; `/loop3` for a bind of a device node. */
  readonly root: string;
  readonly target: string;
  /** Per-mount options (`ro`, `noatime`, …). */
  readonly options: readonly string[];
  /** `shared:N`, `master:N`, … */
  readonly propagation: readonly string[];
  readonly fsType: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

export interface BindOptions {
  readonly readOnly?: boolean;
  /** Per-mount flags: noatime nodiratime relatime nosuid nodev noexec. Others are refused by name (EINVAL). */
  readonly flags?: readonly string[];
}

export interface Mounts {
  /** The whole table, in mount order; read twice until stable where the kernel can tear it. */
  list(): Promise<readonly MountEntry[]>;
  /** The topmost mount exactly at `target`. */
  find(target: string): Promise<MountEntry | undefined>;
  /**
   * Binds a directory or a file onto an existing target; read-only from its first instant (open_tree, mount_setattr,
   * move_mount; where the kernel lacks them: bind and remount, undone if the second fails). Follows no symlink in
   * the last component of either path. Not recursive: a mount below the source does not come along.
   */
  bind(source: string, target: string, options?: BindOptions): Promise<void>;
  /** mount(8) of a device as a child process: journal replay can take long. */
  mount(request: { source: string; target: string; fsType: string; options: readonly string[] }, call?: SystemCall): Promise<void>;
  /** Fast unmount (umount2 with UMOUNT_NOFOLLOW) of a bind mount. EINVAL when nothing is mounted there, EBUSY when in use. */
  unbind(target: string): Promise<void>;
  /** umount(8) as a child process, for file systems that may have dirty data. */
  unmount(target: string, call?: SystemCall): Promise<void>;
  /** syncfs(2) on the file system mounted at, or holding, `path`; a child process (sync -f), so that a slow disk blocks nobody. */
  syncfs(path: string, call?: SystemCall): Promise<void>;
}

/** What a call that can take long listens to. */
export interface SystemCall {
  readonly signal?: AbortSignal;
  /** Milliseconds until a child process is killed. Default: 120 000. */
  readonly timeoutMs?: number;
}

export interface LoopDevice {
  /** `/dev/loop3` */
  readonly path: string;
  /** `7:3` */
  readonly device: string;
  readonly readOnly: boolean;
  readonly autoclear: boolean;
  readonly sizeBytes: bigint;
}

/** An attached device that the attacher still holds open; with autoclear the kernel detaches it after the last close. */
export interface AttachedLoop extends LoopDevice {
  /** Gives up our hold. Idempotent. */
  close(): Promise<void>;
}

export interface LoopDevices {
  /** Attaches a backing file with direct I/O (falls back to buffered where the file system cannot, reported as `directIo`). */
  attach(backing: string, options: { readOnly: boolean; autoclear: boolean }): Promise<AttachedLoop & { readonly directIo: boolean }>;
  /** Devices whose backing file *is* this file, by device and inode (LOOP_GET_STATUS64), never by path. */
  findByBacking(backing: string): Promise<readonly LoopDevice[]>;
  /** Opens a device found before, so that an autoclear one stays while it is used. */
  hold(path: string): Promise<AttachedLoop>;
  /** Makes the kernel see the backing file's new size (LOOP_SET_CAPACITY). */
  refreshSize(path: string): Promise<void>;
  /** LOOP_CLR_FD if the device still backs this very file; absent is fine, EBUSY cannot happen (the kernel defers). */
  detach(path: string, backing: string): Promise<void>;
}

/** What blkid-like probing found. `blank` is said only when every byte read says so. */
export type ProbeResult =
  | { readonly kind: 'blank' }
  | { readonly kind: 'filesystem'; readonly type: string; readonly uuid?: string }
  | { readonly kind: 'other'; readonly what: string };

export interface BlockDevices {
  sizeBytes(device: string): Promise<bigint>;
  /** True for a block device special file. */
  isBlockDevice(path: string): Promise<boolean>;
  /**
   * Low-level probe (`blkid -p`). `blank` only if blkid finds nothing *and* the first and last 1 MiB read as zeroes;
   * an unreadable device is an error, a signature that is no file system (LUKS, LVM, partition table, RAID) is `other`,
   * bytes that nobody knows are `other: 'unknown data'`.
   */
  probe(device: string, call?: SystemCall): Promise<ProbeResult>;
  /**
   * mkfs of a device that the caller proved blank (probed again here: EEXIST says what was found), or, with `force`, that was
   * left in the middle of this very step. ERANGE below the smallest size of the type (ext4 16 MiB, xfs 300 MiB). Discards
   * nothing, so the blocks of a reserved image stay reserved.
   */
  mkfs(device: string, fsType: FsType, options?: { label?: string; force?: boolean }, call?: SystemCall): Promise<void>;
  /**
   * Grows a mounted file system to its device (resize2fs, xfs_growfs). Idempotent. EPERM for ext4 without
   * CAP_SYS_RESOURCE, which the kernel asks for; EOPNOTSUPP for types that cannot.
   */
  growMounted(request: { device: string; target: string; fsType: string }, call?: SystemCall): Promise<void>;
  /** Grows an unmounted ext4 to its device (e2fsck -f -p, resize2fs); needs no capability. EOPNOTSUPP for others. Idempotent. */
  growUnmounted(device: string, fsType: string, call?: SystemCall): Promise<void>;
  /** Checks an unmounted ext4 file system and mends what is safe to mend (e2fsck -p); xfs is left to its log replay. */
  check(device: string, fsType: string, call?: SystemCall): Promise<void>;
  /** Size of the file system as its superblock says, mounted or not; undefined if the type is unknown. */
  fsSizeBytes(device: string, fsType: string, call?: SystemCall): Promise<bigint | undefined>;
}
export type FsType = 'ext4' | 'xfs';
export const FS_TYPES: readonly FsType[] = ['ext4', 'xfs'];

export interface FsStats {
  readonly totalBytes: bigint;
  readonly availableBytes: bigint;
  readonly usedBytes: bigint;
  readonly totalInodes: bigint;
  readonly freeInodes: bigint;
  readonly usedInodes: bigint;
  /** statfs f_type */
  readonly type: number;
}

export interface FileLock {
  release(): Promise<void>;
}

export interface Files {
  /** Temporary file in the same directory, fsync, rename, fsync of the directory. */
  writeDurable(path: string, text: string, options?: { mode?: number }): Promise<void>;
  /**
   * rename(2), then fsync of both directories. Fails with EEXIST if `to` exists (renameat2 RENAME_NOREPLACE; where the file
   * system has none, as NFS, looked up just before: callers there must hold the lock of both names).
   */
  renameDurable(from: string, to: string): Promise<void>;
  /** mkdir + fsync of the parent; an existing directory (never a link) is fine. */
  mkdirDurable(path: string, mode?: number): Promise<void>;
  syncFile(path: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
  /** statfs with a deadline of `timeoutMs` (default 5 000): a hung server gives ETIMEDOUT, alone. */
  stats(path: string, options?: { timeoutMs?: number }): Promise<FsStats>;
  /**
   * flock(LOCK_EX | LOCK_NB) on an existing file or directory, held until release or death of the process (not of a
   * worker). EWOULDBLOCK if another holds it, in this process too; ENOENT if the file is absent: it is never made.
   */
  lock(path: string): Promise<FileLock>;
  /** FICLONE of a whole file into a new file; EOPNOTSUPP, EXDEV or EINVAL where the storage cannot share blocks. */
  cloneFile(from: string, to: string): Promise<void>;
  /** True if the file system that holds `directory` can FICLONE (tried with a file of our own, removed again). */
  canClone(directory: string): Promise<boolean>;
  /** A new file of this size: all blocks reserved (fallocate) or sparse. ENOSPC leaves nothing behind, and is said before the disk was filled. */
  createImage(path: string, sizeBytes: bigint, options: { thin: boolean; mode?: number }): Promise<void>;
  /** Grows a file; never shrinks. Unless thin, all of it is reserved, holes that something punched included: idempotent. */
  growImage(path: string, sizeBytes: bigint, options: { thin: boolean }): Promise<void>;
  /**
   * Sparse copy of one file (SEEK_DATA, copy_file_range) into a new file, fsynced; off the main thread, cancellable.
   * Says whether the source was left alone meanwhile (size, mtime and ctime the same before and after, and ctime not
   * so fresh that a change could hide in the clock's grain).
   */
  copySparse(from: string, to: string, call: CopyCall): Promise<{ readonly unchanged: boolean; readonly copiedBytes: bigint }>;
}

export interface CopyCall extends SystemCall {
  readonly progress?: (done: CopyProgress) => void;
  /** Bytes a second; undefined = as fast as it goes. */
  readonly bandwidth?: number;
}
export interface CopyProgress {
  readonly entries: number;
  readonly bytes: bigint;
}

export type TreeCopyResult =
  | { readonly kind: 'copied'; readonly entries: number; readonly bytes: bigint; readonly rounds: number; readonly sharedBlocks: boolean }
  /** After the last round something still changed: a path relative to the source, for the message. */
  | { readonly kind: 'unstable'; readonly path: string; readonly rounds: number };

/**
 * Walks of directories whose content belongs to tenants and may change under the walk. Everything goes by directory
 * descriptors (openat2 with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV), in a thread of its own: no link is
 * followed, no mount is crossed, nothing outside the tree is read, changed or removed.
 */
export interface Trees {
  /**
   * Copies a directory into `to`, which must be absent or the left-over of an earlier copy (it is made equal).
   * Kept: owner, mode, times (ns), xattrs and with them ACLs, hard links, sparse files, symlinks, FIFOs, device nodes; names
   * that are no UTF-8 too. Sockets are skipped; chattr flags are not kept. Blocks are shared (FICLONE) where the file system can.
   * With `maxRounds` a second walk must find no changed entry, size or ctime; what changed is copied again, so many rounds at most.
   * `rounds` in the result is the number of such walks. What leaves no trace in ctime is not seen: stores through a mapping
   * of a page that was dirty before (they show once the kernel has written the page).
   * `maxRounds: 0` counts one pass as a copy whatever changes meanwhile (consistency: files).
   * A mount below the source is an error (EXDEV); `path` of an error is relative to the source. EINVAL if one of the two lies
   * inside the other. Ends with everything fsynced (syncfs).
   */
  copy(from: string, to: string, options: { maxRounds: number } & CopyCall): Promise<TreeCopyResult>;
  /**
   * Removes a tree, however large or deep, without blocking the event loop; tenants' immutable and append-only flags are
   * cleared. Absent is fine. EXDEV names a mount at or below `path`: looked for before anything is removed, and never entered.
   * EBUSY or ENOTEMPTY if somebody keeps making or moving things in it.
   */
  remove(path: string, call?: CopyCall): Promise<void>;
  /** Sums entries and allocated bytes, the directory itself included, hard links once; what is mounted below is left out. */
  measure(path: string, call?: CopyCall): Promise<CopyProgress>;
}

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that could not be started, failed or ran out of time. `stderr` is its last 2 KiB. */
export class CommandError extends Error {
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;
  /** 'missing' = no such binary: the message names the Debian package. */
  readonly reason: 'exit' | 'timeout' | 'aborted' | 'missing';
  constructor(
    command: string,
    reason: CommandError['reason'],
    message: string,
    details: { exitCode?: number | undefined; stderr?: string },
  ) {
    super(message);
    this.name = 'CommandError';
    this.command = command;
    this.reason = reason;
    this.exitCode = details.exitCode;
    this.stderr = details.stderr ?? '';
  }
}

export interface Commands {
  /**
   * Runs a binary from a fixed list by argument array, never a shell, LC_ALL=C, with a deadline (SIGTERM, then
   * SIGKILL), a cap on what it may print and no inherited secrets. `okCodes` are exit codes that are no failure (default [0]).
   */
  run(
    binary: string,
    args: readonly string[],
    call?: SystemCall & { okCodes?: readonly number[]; input?: string },
  ): Promise<CommandResult & { exitCode: number }>;
  /** True if the binary is on PATH. */
  has(binary: string): Promise<boolean>;
}

/** Every binary that `Commands` may run and the Debian package that holds it: doctor, the image test and error texts read this. */
export const BINARIES = {
  mount: 'mount',
  umount: 'mount',
  blkid: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  resize2fs: 'e2fsprogs',
  dumpe2fs: 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  xfs_growfs: 'xfsprogs',
  xfs_db: 'xfsprogs',
  sync: 'coreutils',
  stat: 'coreutils',
} as const satisfies Record<string, string>;
export type Binary = keyof typeof BINARIES;
