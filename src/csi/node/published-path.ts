import { invalid, notFound } from '../../convoy/errors.ts';
import { cleanPath, quote } from '../parse.ts';

/**
 * A volume_path at which a volume should already be. A relative path, or one with "..", is where no volume ever is: NOT_FOUND,
 * as for an unknown volume, and not INVALID_ARGUMENT (csi-sanity asks for stats of an unknown volume at "some/path").
 */
export function publishedPath(volumeId: string, path: string): string {
  if (path === '') throw invalid('volume_path is required');
  const clean = cleanPath(path);
  if (clean === undefined) throw notFound(`volume ${quote(volumeId)} at volume_path ${quote(path)}`);
  return clean;
}
