import { ConvoyError, invalid } from '../convoy/errors.ts';
import { step } from '../observe/steps.ts';
import type { Call, OpenVolume } from '../pool/api.ts';
import type { StageInput } from './api.ts';
import type { PublishDeps } from './deps.ts';
import { parseMountFlags } from './mount-flags.ts';
import type { OwnMounts } from './own-mounts.ts';
import { isShowing, ownMounts } from './own-mounts.ts';
import { assertPlainPlace, parsePath } from './paths.ts';
import type { NodeRecord, PlaceRecord } from './record-format.ts';
import { placeAt } from './record-format.ts';
import { identityOf, lookAt } from './standing.ts';
import type { Terms } from './terms.ts';
import { differingTerm, fileSystemFor, requireServed, termsOf } from './terms.ts';
import { whileHeld } from './while-held.ts';

/**
 * NodeStageVolume (CSI spec.md). A mounted volume is mounted at the staging path, read-write: whether a consumer may write
 * is the bind's matter, since one volume can be published both ways at once. The exception is a volume that many hosts
 * read through a device of their own: not even a journal replay is for one of them to write.
 *
 * For a block volume nothing is mounted and nothing attached: the record says `raw` durably, so that the device is never
 * formatted, and the device is attached by the publish that binds it. So a crash in between leaves no device that
 * nobody knows of, and staging twice is the same as once.
 */
export async function stage(deps: PublishDeps, input: StageInput, call: Call): Promise<void> {
  const path = parsePath('staging_target_path', input.stagingPath);
  const { access } = input.capability;
  const flags = parseMountFlags(access.kind === 'mount' ? access.mountFlags : []);
  await assertPlainPlace('staging_target_path', path, [deps.root, ...deps.protectedPaths()]);
  await deps.pools.withVolume(input.volumeId, async (open) => {
    requireServed(open, input.capability);
    const shared =
      open.properties.scope === 'global' && open.properties.access === 'device' && input.capability.mode === 'MULTI_NODE_READER_ONLY';
    const terms = termsOf(input.capability, flags.readOnly || shared);
    const record = await deps.records.read(input.volumeId);
    // What is here already is no newcomer, whoever else has come since.
    const alone = input.capability.mode.startsWith('SINGLE_NODE') && !record.places.some(({ kind }) => kind !== 'mounted');
    await whileHeld(deps, input.volumeId, open, { alone }, async () => {
      if (access.kind === 'block') await stageBlock(deps, open, record, path, terms);
      else await stageMount(deps, open, record, path, { ...terms, rawFlags: access.mountFlags }, call);
    });
  });
}

async function stageBlock(deps: PublishDeps, open: OpenVolume, record: NodeRecord, path: string, terms: Terms): Promise<void> {
  const known = placeAt(record, path);
  const own = await ownMounts(deps, record.volumeId, open);
  const mounted = own.table.find((entry) => own.isOwn(entry) && entry.root === '/');
  if (mounted !== undefined)
    throw new ConvoyError(
      'AlreadyExists',
      `volume ${record.volumeId} is mounted as a file system at ${mounted.target}, so it is not handed out raw: unmount it first`,
    );
  requireStageable(record.volumeId, path, own, (await lookAt(path)).kind);
  if (known?.kind === 'staged') requireSameTerms(known, terms, record.volumeId);
  await open.markRaw();
  if (known === undefined) await deps.records.put(record.volumeId, { path, kind: 'staged', ...terms });
}

async function stageMount(
  deps: PublishDeps,
  open: OpenVolume,
  record: NodeRecord,
  path: string,
  asked: Terms & { rawFlags: readonly string[] },
  call: Call,
): Promise<void> {
  const { rawFlags, ...terms } = asked;
  const known = placeAt(record, path);
  if (known?.kind === 'staged' && (await isShowing(known))) {
    requireSameTerms(known, terms, record.volumeId);
    return;
  }
  const fsType = fileSystemFor(open, terms.fsType);
  const block = record.places.find((place) => place.access === 'block');
  if (block !== undefined)
    throw new ConvoyError(
      'AlreadyExists',
      `volume ${record.volumeId} is ${block.kind} as a block device at ${block.path}: unstage that first`,
    );
  const own = await ownMounts(deps, record.volumeId, open);
  requireStageable(record.volumeId, path, own, (await lookAt(path)).kind);
  const place: PlaceRecord = { path, kind: 'staged', ...terms, fsType: fsType ?? '' };
  // Mounted, and the record is lost: what the table can tell is compared below by the mounter; the flags nobody knows.
  await deps.records.put(record.volumeId, place);
  try {
    await mountAt(deps, open, place, { rawFlags, own }, call);
  } catch (error) {
    if ((await deps.system.mounts.find(path)) === undefined) await deps.records.drop(record.volumeId, path);
    throw error;
  }
}

async function mountAt(
  deps: PublishDeps,
  open: OpenVolume,
  place: PlaceRecord,
  { rawFlags, own }: { readonly rawFlags: readonly string[]; readonly own: OwnMounts },
  call: Call,
): Promise<void> {
  const fsType = fileSystemFor(open, place.fsType);
  const access = await open.openAccess({ readOnly: false, raw: false });
  step('stage.attached');
  try {
    if (access.kind === 'device') refuseOtherDevice(own, access.device, open.volume.id);
    const options = {
      mountPoint: place.path,
      readOnly: place.readOnly,
      flags: rawFlags,
      format: open.format,
      ...(fsType === undefined ? {} : { fsType }),
    };
    await deps.mounter.mount(access, options, open.context(call));
    const identity = identityOf(await lookAt(place.path));
    if (identity === undefined)
      throw new ConvoyError('Internal', `volume ${open.volume.id} was mounted at ${place.path}, but is not there`);
    await deps.records.put(open.volume.id, { ...place, identity });
  } finally {
    await access.close();
  }
}

/** Two writable devices of one volume are two caches of the same blocks: mounting both destroys the file system. */
function refuseOtherDevice(own: OwnMounts, device: string, volumeId: string): void {
  const other = own.table.find((entry) => own.isOwn(entry) && entry.root === '/' && entry.device !== device);
  if (other !== undefined)
    throw new ConvoyError(
      'InUse',
      `volume ${volumeId} is mounted at ${other.target} from another device (${other.source}): unmount it there first`,
    );
}

/** The CO makes the staging directory. A mount that is there already must be this volume's. */
function requireStageable(volumeId: string, path: string, own: OwnMounts, found: string): void {
  const top = own.topmost(path);
  if (top !== undefined && !own.isOwn(top))
    throw new ConvoyError(
      'Precondition',
      `staging_target_path ${path} is a mount of something else (${top.fsType} on ${top.device}) than volume ${volumeId}: unmount that first`,
    );
  if (found === 'corrupted') throw new ConvoyError('Unavailable', `the mount at ${path} does not answer: unstage volume ${volumeId} first`);
  if (found !== 'directory') throw invalid(`staging_target_path ${path} must be an existing directory, found: ${found}`);
}

function requireSameTerms(known: PlaceRecord, terms: Terms, volumeId: string): void {
  // Staged is staged, for whatever access mode.
  const { mode: _mode, ...staged } = known;
  const difference = differingTerm(staged, terms);
  if (difference !== undefined)
    throw new ConvoyError('AlreadyExists', `volume ${volumeId} is staged at ${known.path} on other terms: ${difference}. Unstage it first`);
}
