import { ConvoyError, fromErrno } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { Call, OpenVolume } from '../pool/api.ts';
import type { PublishInput } from './api.ts';
import type { PublishDeps } from './deps.ts';
import type { MountFlags } from './mount-flags.ts';
import { hashFlags, parseMountFlags, requirePerMountOnly } from './mount-flags.ts';
import type { OwnMounts } from './own-mounts.ts';
import { isMounted, isShowing, ownMounts } from './own-mounts.ts';
import { assertPlainPlace, ensureTarget, parsePath, removeTarget } from './paths.ts';
import type { NodeRecord, PlaceRecord } from './record-format.ts';
import { placeAt } from './record-format.ts';
import { releaseDevices } from './release-devices.ts';
import { deviceIdentity, identityOf, lookAt } from './standing.ts';
import type { Terms } from './terms.ts';
import { differingTerm, isReaderOnly, requireServed, termsOf } from './terms.ts';

/**
 * NodePublishVolume: a bind of the staged file system, or of the device node, onto the target. No process is started, and
 * of a volume in good order the mount table is not read: one lstat each proves the staging path and the target.
 * A second publish follows the table of CSI spec.md, NodePublishVolume; SINGLE_NODE_WRITER is lenient, since Kubernetes
 * lets two pods of one node share such a volume.
 */
export async function publish(deps: PublishDeps, input: PublishInput, call: Call): Promise<void> {
  if (input.stagingPath === '')
    throw new ConvoyError(
      'Precondition',
      `staging_target_path is required to publish volume ${input.volumeId}: stage it first and say where`,
    );
  const stagingPath = parsePath('staging_target_path', input.stagingPath);
  const target = parsePath('target_path', input.targetPath);
  const flags = parseMountFlags(input.capability.access.kind === 'mount' ? input.capability.access.mountFlags : []);
  await assertPlainPlace('target_path', target, [deps.root, ...deps.protectedPaths()]);
  const terms = termsOf(input.capability, input.readOnly || flags.readOnly || isReaderOnly(input.capability));
  await deps.pools.withVolume(input.volumeId, async (open) => {
    if (call.signal.aborted) throw new ConvoyError('Cancelled', `publishing volume ${input.volumeId} was cancelled before it began`);
    requireServed(open, input.capability);
    const record = await deps.records.read(input.volumeId);
    // The table is only read when something needs it, and then once.
    let table: Promise<OwnMounts> | undefined;
    const own = (): Promise<OwnMounts> => (table ??= ownMounts(deps, input.volumeId, open));
    const request: Request = { deps, open, record, target, stagingPath, terms, flags, own };
    if (await isPublishedAlready(request)) return;
    await requireSecondAllowed(request);
    const staged = await requireStaged(request);
    if (terms.access === 'block') await publishBlock(request);
    else await publishMount(request, staged);
  });
}

interface Request {
  readonly deps: PublishDeps;
  readonly open: OpenVolume;
  readonly record: NodeRecord;
  readonly target: string;
  readonly stagingPath: string;
  readonly terms: Terms;
  readonly flags: MountFlags;
  readonly own: () => Promise<OwnMounts>;
}

/** True when the target has it on these terms. AlreadyExists on others; Precondition when something else is mounted there. */
async function isPublishedAlready({ deps, record, target, terms, own }: Request): Promise<boolean> {
  const known = placeAt(record, target);
  const found = await lookAt(target);
  if (found.kind === 'absent') return false;
  if (known?.identity !== undefined && identityOf(found) === known.identity) {
    requireSameTerms(record.volumeId, known, terms);
    return true;
  }
  const { topmost, isOwn } = await own();
  const top = topmost(target);
  if (top === undefined) return false;
  if (!isOwn(top))
    throw new ConvoyError(
      'Precondition',
      `target ${target} is a mount of something else (${top.fsType} on ${top.device}) than volume ${record.volumeId}: unmount that first`,
    );
  const identity = identityOf(found);
  if (identity === undefined)
    throw new ConvoyError(
      'Unavailable',
      `the mount at ${target} does not answer: unpublish volume ${record.volumeId} there, then publish it again`,
    );
  // Bound, but the record does not say so (a crash, or a lost record): the table says how. A node's bind says nothing of ro.
  const seen = {
    path: target,
    kind: 'published',
    access: found.kind === 'device' ? 'block' : 'mount',
    fsType: '',
    readOnly: top.options.includes('ro'),
    ...known,
    identity,
  } as const;
  requireSameTerms(record.volumeId, found.kind === 'device' ? { ...seen, readOnly: known?.readOnly ?? terms.readOnly } : seen, terms);
  await deps.records.put(record.volumeId, { path: target, kind: 'published', ...terms, identity });
  return true;
}

function requireSameTerms(volumeId: string, known: PlaceRecord, terms: Terms): void {
  const difference = differingTerm(known, terms);
  if (difference !== undefined)
    throw new ConvoyError(
      'AlreadyExists',
      `volume ${volumeId} is published at ${known.path} on other terms: ${difference}. Unpublish it there first`,
    );
}

/** Further targets. Only what the kernel confirms counts: a record whose mount is gone forbids nothing. */
async function requireSecondAllowed({ record, target, stagingPath, terms, own }: Request): Promise<void> {
  for (const place of record.places) {
    if (place.path === target || place.kind !== 'published') continue;
    const reason = conflict(place, terms);
    if (reason !== undefined && (await isMounted(place, own)))
      throw new ConvoyError(
        'Precondition',
        `volume ${record.volumeId} is published at ${place.path}, and ${reason}: unpublish it there first`,
      );
  }
  // A lost record must not let a second writer in. With one, the table is left alone: it may show each mount twice (propagation).
  if (terms.mode !== 'SINGLE_NODE_SINGLE_WRITER' || placeAt(record, stagingPath) !== undefined) return;
  const { table, isOwn } = await own();
  const stranger = table.find((entry) => isOwn(entry) && entry.target !== stagingPath && entry.target !== target);
  if (stranger !== undefined)
    throw new ConvoyError(
      'Precondition',
      `volume ${record.volumeId} is mounted at ${stranger.target}, and its access mode allows a single place: unmount it there first`,
    );
}

function conflict(place: PlaceRecord, terms: Terms): string | undefined {
  if (place.access !== terms.access) return `there its access type is ${place.access}, not ${terms.access}`;
  if (place.fsType !== '' && terms.fsType !== '' && place.fsType !== terms.fsType)
    return `there its file system is ${place.fsType}, not ${terms.fsType}`;
  if (place.mode === 'SINGLE_NODE_SINGLE_WRITER' || terms.mode === 'SINGLE_NODE_SINGLE_WRITER')
    return 'its access mode allows a single place';
  if (place.mode !== undefined && LENIENT[place.mode] !== LENIENT[terms.mode])
    return `there its access mode is ${place.mode}, not ${terms.mode}`;
  return undefined;
}

/** Kubernetes says 1 or 7 for the same claim, depending on the capabilities that the driver had when it asked. */
const LENIENT = {
  SINGLE_NODE_WRITER: 'SINGLE_NODE_MULTI_WRITER',
  SINGLE_NODE_MULTI_WRITER: 'SINGLE_NODE_MULTI_WRITER',
  SINGLE_NODE_SINGLE_WRITER: 'SINGLE_NODE_SINGLE_WRITER',
  SINGLE_NODE_READER_ONLY: 'SINGLE_NODE_READER_ONLY',
  MULTI_NODE_READER_ONLY: 'MULTI_NODE_READER_ONLY',
  MULTI_NODE_SINGLE_WRITER: 'MULTI_NODE_SINGLE_WRITER',
  MULTI_NODE_MULTI_WRITER: 'MULTI_NODE_MULTI_WRITER',
} as const;

/**
 * The staged place, proven. A mounted one whose record is lost is taken from the mount table. Of a block volume nothing but
 * the record tells; if that is damaged, publishing does again all that staging did, so it goes on.
 */
async function requireStaged({ deps, record, stagingPath, terms, flags, own, open }: Request): Promise<PlaceRecord> {
  const known = placeAt(record, stagingPath);
  if (known?.kind === 'staged' && known.access !== terms.access)
    throw new ConvoyError(
      'Precondition',
      `volume ${record.volumeId} is staged at ${stagingPath} for access type ${known.access}, asked is ${terms.access}: unstage it first`,
    );
  const staged = known?.kind === 'staged' && (terms.access === 'block' || (await isShowing(known))) ? known : await findStaged();
  if (staged === undefined)
    throw new ConvoyError('Precondition', `volume ${record.volumeId} is not staged at ${stagingPath}: call NodeStageVolume first`);
  if (open.properties.access === 'directory') requirePerMountOnly(flags);
  requireFlagsStaged(staged, flags, record.volumeId);
  if (staged.readOnly && !terms.readOnly)
    throw new ConvoyError(
      'Precondition',
      `volume ${record.volumeId} is staged read-only and cannot be published read-write: unstage it, then stage it read-write`,
    );
  return staged;

  async function findStaged(): Promise<PlaceRecord | undefined> {
    const found = await lookAt(stagingPath);
    if (terms.access === 'block')
      return record.damaged === true && found.kind === 'directory'
        ? { path: stagingPath, kind: 'staged', ...terms, readOnly: false }
        : undefined;
    const { topmost, isOwn } = await own();
    const top = topmost(stagingPath);
    const identity = identityOf(found);
    if (top === undefined || !isOwn(top) || identity === undefined) return undefined;
    const fsType = open.properties.access === 'device' ? top.fsType : '';
    const seen = { path: stagingPath, kind: 'staged', access: 'mount', readOnly: top.superOptions.includes('ro'), fsType } as const;
    const place: PlaceRecord = known?.kind === 'staged' ? { ...known, identity } : { ...seen, identity };
    await deps.records.put(record.volumeId, place);
    return place;
  }
}

function requireFlagsStaged(staged: PlaceRecord, flags: MountFlags, volumeId: string): void {
  const given = staged.flags;
  if (given === undefined || hashFlags(flags.fileSystem).every((flag) => given.includes(flag))) return;
  throw new ConvoyError(
    'Precondition',
    `volume ${volumeId} was staged without some of the mount flags asked for now, which only a mount can set: unstage it, then stage it with them`,
  );
}

async function publishMount(request: Request, staged: PlaceRecord): Promise<void> {
  const { deps, record, target, terms, flags } = request;
  await deps.records.put(record.volumeId, {
    path: target,
    kind: 'published',
    ...terms,
    ...(staged.identity === undefined ? {} : { identity: staged.identity }),
  });
  await undoIfFailed(request, 'directory', async () => {
    await deps.system.mounts.bind(staged.path, target, { readOnly: terms.readOnly, flags: flags.perMount });
    step('publish.bound');
  });
}

/**
 * A read-only consumer gets a device of its own that the kernel keeps read-only: a read-only bind of a device node stops
 * no write. The record comes first, so that a device attached by a call that was killed is found by the sweep.
 */
async function publishBlock(request: Request): Promise<void> {
  const { deps, open, record, target, terms } = request;
  await open.markRaw();
  const place: PlaceRecord = { path: target, kind: 'published', ...terms };
  await deps.records.put(record.volumeId, place);
  await undoIfFailed(request, 'file', async () => {
    const access = await open.openAccess({ readOnly: terms.readOnly, raw: true });
    step('stage.attached');
    try {
      if (access.kind !== 'device' || (terms.readOnly && !access.readOnly))
        throw new ConvoyError(
          'Internal',
          `volume ${record.volumeId} was to be opened as a ${terms.readOnly ? 'read-only ' : ''}device, but ${access.path} is none`,
        );
      await deps.system.mounts.bind(access.path, target);
      step('publish.bound');
      await deps.records.put(record.volumeId, { ...place, identity: deviceIdentity(access.device) });
    } finally {
      await access.close();
    }
  });
}

/** An error of publishing may be final to the kubelet, which then does not unpublish: leave no mount, target, device or record. */
async function undoIfFailed({ deps, open, record, target }: Request, kind: 'directory' | 'file', work: () => Promise<void>): Promise<void> {
  let made = false;
  try {
    await ensureTarget(target, kind);
    made = true;
    step('publish.target');
    await work();
  } catch (error) {
    try {
      if (made && (await deps.system.mounts.find(target)) !== undefined) await deps.system.mounts.unbind(target);
      if (made) await removeTarget(target);
      await deps.records.drop(record.volumeId, target);
      if (made && kind === 'file') await releaseDevices(deps, record.volumeId, open);
    } catch (undoing) {
      // The record stays: unpublish or the sweep cleans up.
      deps.log.warn(
        { volume_id: record.volumeId, path: target, error: String(undoing) },
        'a publish that failed could not be undone whole',
      );
    }
    throw fromErrno(error, `publishing volume ${record.volumeId} at ${target}`);
  }
}
