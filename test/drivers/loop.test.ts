import { readFileSync } from 'node:fs';
import { conformance } from '../support/conformance.ts';

/** resize2fs of a mounted file system needs it (capabilities(7)), and not every root has it. */
const CAP_SYS_RESOURCE = 24n;
const ONLINE = 'a published volume grows under its consumer';

const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
const skip = new Map<string, string>();
if (((effective >> CAP_SYS_RESOURCE) & 1n) === 0n)
  skip.set(ONLINE, 'growing a mounted ext4 needs CAP_SYS_RESOURCE, which this process has not; with xfs it is run below');

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
