import { invalid } from '../convoy/errors.ts';
import type { VolumeUse } from '../pool/api.ts';
import type { AccessMode, VolumeCapability } from '../publish/api.ts';
import type { VolumeCapability__Output } from './gen/csi/v1/VolumeCapability.ts';
import { quote, text } from './parse.ts';

const MODES: Readonly<Record<AccessMode, true>> = {
  SINGLE_NODE_WRITER: true,
  SINGLE_NODE_READER_ONLY: true,
  MULTI_NODE_READER_ONLY: true,
  MULTI_NODE_SINGLE_WRITER: true,
  MULTI_NODE_MULTI_WRITER: true,
  SINGLE_NODE_SINGLE_WRITER: true,
  SINGLE_NODE_MULTI_WRITER: true,
};
/** spec.md, "Size Limits": of all mount_flags together. */
const FLAGS_BYTES = 4096;

/** One required VolumeCapability: an access mode, and one of block and mount. */
export function parseCapability(field: string, capability: VolumeCapability__Output | null | undefined): VolumeCapability {
  if (capability === null || capability === undefined) throw invalid(`${field} is required`);
  const { accessMode, block, mount } = capability;
  if (accessMode === null) throw invalid(`${field}.access_mode is required`);
  // A number is a mode of a later specification (or UNKNOWN, 0): what is not understood is not promised.
  if (!isMode(accessMode.mode))
    throw invalid(`${field}.access_mode.mode is ${quote(String(accessMode.mode))}; allowed are ${Object.keys(MODES).join(', ')}`);
  const { mode } = accessMode;
  if (block !== null && block !== undefined) return { mode, access: { kind: 'block' } };
  if (mount === null || mount === undefined) throw invalid(`${field} has neither block nor mount; one of them is required`);
  return { mode, access: { kind: 'mount', ...parseMount(`${field}.mount`, mount) } };
}

/** At least one is required; the volume must satisfy all of them. */
export function parseCapabilities(field: string, list: readonly VolumeCapability__Output[]): readonly VolumeCapability[] {
  if (list.length === 0) throw invalid(`${field} is required: at least one`);
  return list.map((capability, index) => parseCapability(`${field}[${index}]`, capability));
}

/** What a volume with all these capabilities is used as. */
export function useOf(field: string, capabilities: readonly VolumeCapability[]): VolumeUse {
  const fsTypes = new Set<string>();
  for (const { access } of capabilities) if (access.kind === 'mount' && access.fsType !== '') fsTypes.add(access.fsType);
  if (fsTypes.size > 1) throw invalid(`${field} ask for the file systems ${[...fsTypes].join(' and ')}; a volume has one`);
  const [fsType] = fsTypes;
  return {
    mount: capabilities.some(({ access }) => access.kind === 'mount'),
    block: capabilities.some(({ access }) => access.kind === 'block'),
    ...(fsType === undefined ? {} : { fsType }),
  };
}

/** Reader modes make a publish read-only, whatever its `readonly` says. */
export const isReaderOnly = ({ mode }: VolumeCapability): boolean =>
  mode === 'SINGLE_NODE_READER_ONLY' || mode === 'MULTI_NODE_READER_ONLY';

/** Modes that promise writing from several nodes. */
export const writesFromManyNodes = ({ mode }: VolumeCapability): boolean =>
  mode === 'MULTI_NODE_SINGLE_WRITER' || mode === 'MULTI_NODE_MULTI_WRITER';

const isMode = (mode: string | number): mode is AccessMode => typeof mode === 'string' && Object.hasOwn(MODES, mode);

function parseMount(
  field: string,
  mount: NonNullable<VolumeCapability__Output['mount']>,
): { readonly fsType: string; readonly mountFlags: readonly string[]; readonly volumeMountGroup: string } {
  // Flags may hold secrets (csi.proto): messages tell their size alone.
  const bytes = mount.mountFlags.reduce((sum, flag) => sum + Buffer.byteLength(flag), 0);
  if (bytes > FLAGS_BYTES) throw invalid(`${field}.mount_flags have ${bytes} bytes; allowed are at most ${FLAGS_BYTES} together`);
  if (mount.mountFlags.some((flag) => flag.includes('\0'))) throw invalid(`${field}.mount_flags hold a NUL character; allowed is none`);
  // Ignoring it would give the pod's group no access, or everybody's files another group.
  if (mount.volumeMountGroup !== '') {
    throw invalid(
      `${field}.volume_mount_group is ${quote(mount.volumeMountGroup)}; this driver does not advertise VOLUME_MOUNT_GROUP: use fsGroupPolicy File`,
    );
  }
  return { fsType: text(`${field}.fs_type`, mount.fsType), mountFlags: mount.mountFlags, volumeMountGroup: '' };
}
