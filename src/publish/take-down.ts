import { ConvoyError, isErrno } from '../convoy/errors.ts';
import { CommandError } from '../system/api.ts';
import { fromCommand, stillMounted } from './command-errors.ts';
import type { PublishDeps } from './deps.ts';
import { mountsAt } from './mount-table.ts';
import type { OwnMounts } from './own-mounts.ts';
import type { PlaceRecord } from './record-format.ts';
import { identityOf, lookAt } from './standing.ts';

export interface TakeDown {
  readonly volumeId: string;
  readonly path: string;
  readonly place: PlaceRecord | undefined;
  readonly own: () => Promise<OwnMounts>;
  /** False: the pool is not open, or does not know the volume. */
  readonly poolAnswers: boolean;
  /** `fast`: umount2, for binds whose file system stays mounted elsewhere. `child`: umount(8), which may have to write dirty data. */
  readonly how: 'fast' | 'child';
  readonly signal: AbortSignal;
}

/**
 * Unmounts everything of the volume that is stacked at a path, and nothing else: each mount is proven the volume's by the
 * storage, or stands where the record says with the identity that the record says, or is dead where the record says it
 * is. Anything else there is an error. Never lazily: that would let the data be deleted under a process that still writes.
 */
export async function takeDown(deps: PublishDeps, request: TakeDown): Promise<void> {
  for (;;) {
    const { path, own } = request;
    const mounts = await own();
    const top = mounts.topmost(path);
    if (top === undefined) return;
    if (!mounts.isOwn(top) && !(await isRecorded(request))) throw foreign(request, `${top.fsType} on ${top.device}`);
    await unmountOne(deps, request, mountsAt(mounts.table, path).length);
  }
}

/** One mount at `path`. Gone meanwhile is fine. */
export async function unmountOne(deps: PublishDeps, { path, how, signal }: TakeDown, depth: number): Promise<void> {
  try {
    if (how === 'fast') await deps.system.mounts.unbind(path);
    else await deps.system.mounts.unmount(path, { signal });
  } catch (error) {
    if (isErrno(error, 'EINVAL', 'ENOENT')) return;
    if (error instanceof CommandError && error.reason !== 'exit') throw fromCommand(error, `unmounting ${path}`);
    if (mountsAt(await deps.system.mounts.list(), path).length >= depth) throw stillMounted(error, path);
  }
}

async function isRecorded({ path, place }: TakeDown): Promise<boolean> {
  if (place === undefined) return false;
  const found = await lookAt(path);
  return found.kind === 'corrupted' || (place.identity !== undefined && identityOf(found) === place.identity);
}

function foreign({ volumeId, path, place, poolAnswers }: TakeDown, what: string): ConvoyError {
  if (place !== undefined)
    return new ConvoyError(
      'Precondition',
      `${path}, where volume ${volumeId} was mounted, is now a mount of something else (${what}): unmount that by hand first`,
    );
  return new ConvoyError(
    poolAnswers ? 'Precondition' : 'Unavailable',
    `${path} is a mount (${what}) that nothing proves to be volume ${volumeId}: it is left alone. If its pool is not open, open it and try again; otherwise unmount it by hand`,
  );
}
