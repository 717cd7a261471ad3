import { conformance } from '../support/conformance.ts';

conformance('vfs', { fsType: 'ext4' });
conformance('vfs', { fsType: 'xfs' });
conformance('vfs', { fsType: 'btrfs' });
