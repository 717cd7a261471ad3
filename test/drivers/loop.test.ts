import { ONLINE_GROWTH } from '../../src/conformance/index.ts';
import { CAP_SYS_RESOURCE, hasCapability } from '../../src/system/capability.ts';
import { conformance } from '../support/conformance.ts';

/** resize2fs of a mounted file system needs it (capabilities(7)), and not every root has it. */
const skip = new Map<string, string>();
if (!hasCapability(CAP_SYS_RESOURCE))
  skip.set(ONLINE_GROWTH, 'growing a mounted ext4 needs CAP_SYS_RESOURCE, which this process has not; with xfs it is run below');

conformance('loop', { fsType: 'ext4', skip });
conformance('loop', { fsType: 'xfs', skip });
// Images for xfs are at least 300 MiB, too much for all of the suite.
conformance('loop', {
  fsType: 'xfs',
  sizeBytes: 8n << 30n,
  options: { 'loop.fs': 'xfs' },
  config: { thin: true },
  only: /grow|larger|shows in none|published again/,
});
