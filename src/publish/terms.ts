import { ConvoyError, invalid } from '../convoy/errors.ts';
import type { OpenVolume } from '../pool/api.ts';
import type { FsType } from '../system/api.ts';
import { FS_TYPES } from '../system/api.ts';
import type { VolumeCapability } from './api.ts';
import { hashFlags } from './mount-flags.ts';
import type { PlaceRecord } from './record-format.ts';

/** What a call asks a volume to be used as, in the form that node records keep. */
export type Terms = Required<Pick<PlaceRecord, 'access' | 'fsType' | 'flags' | 'mode' | 'readOnly'>>;

export function termsOf(capability: VolumeCapability, readOnly: boolean): Terms {
  const { access, mode } = capability;
  if (access.kind === 'block') return { access: 'block', fsType: '', flags: [], mode, readOnly };
  if (access.volumeMountGroup !== '')
    throw invalid('volume_mount_group is not supported by this driver; leave it empty and use fsGroupPolicy: File');
  return { access: 'mount', fsType: access.fsType, flags: hashFlags(access.mountFlags), mode, readOnly };
}

/** The first term that differs, for a message. What a record does not know any more, and a default, differs from nothing. */
export function differingTerm(place: PlaceRecord, terms: Terms): string | undefined {
  if (place.access !== terms.access) return `its access type is ${place.access}, asked is ${terms.access}`;
  if (place.readOnly !== terms.readOnly)
    return `it is ${place.readOnly ? 'read-only' : 'read-write'}, asked is ${terms.readOnly ? 'read-only' : 'read-write'}`;
  if (place.fsType !== '' && terms.fsType !== '' && place.fsType !== terms.fsType)
    return `its file system is ${place.fsType}, asked is ${terms.fsType}`;
  if (place.flags !== undefined && !sameFlags(place.flags, terms.flags)) return 'its mount flags are others';
  if (place.mode !== undefined && place.mode !== terms.mode) return `its access mode is ${place.mode}, asked is ${terms.mode}`;
  return undefined;
}

/** These modes never write, whatever `readonly` says (CSI spec.md, AccessMode). */
export const isReaderOnly = (capability: VolumeCapability): boolean =>
  capability.mode === 'SINGLE_NODE_READER_ONLY' || capability.mode === 'MULTI_NODE_READER_ONLY';

/** Precondition when the pool cannot serve this kind of access at all. */
export function requireServed(open: OpenVolume, capability: VolumeCapability): void {
  if (capability.access.kind === 'block' && open.properties.access !== 'device')
    throw new ConvoyError(
      'Precondition',
      `volume ${open.volume.id} is a directory and cannot be used as a block device: use volumeMode Filesystem, or a pool that serves block devices`,
    );
}

/**
 * The file system to expect and, if need be, to make. The provisioner sends a default fsType to every volume, so for a
 * directory it means nothing. Precondition when the record says otherwise, InvalidArgument for a type that is not served.
 */
export function fileSystemFor(open: OpenVolume, asked: string): FsType | undefined {
  if (open.properties.access === 'directory') return undefined;
  const known = open.formattedAs;
  if (known !== undefined && asked !== '' && asked !== known)
    throw new ConvoyError(
      'Precondition',
      `volume ${open.volume.id} is formatted as ${known}, asked is ${asked.slice(0, 32)}: ask for ${known}`,
    );
  const wanted = known ?? (asked === '' ? (open.volume.use.fsType ?? open.properties.fileSystems[0] ?? FS_TYPES[0]) : asked);
  const served = open.properties.fileSystems.find((type) => type === wanted) ?? (known === wanted ? known : undefined);
  if (served === undefined)
    throw invalid(
      `file system ${JSON.stringify(String(wanted).slice(0, 32))} is not served here; allowed are ${open.properties.fileSystems.join(', ')}`,
    );
  return served;
}

const sameFlags = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((flag, index) => flag === other[index]);
