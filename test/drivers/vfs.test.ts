import { conformance } from '../support/conformance.ts';

conformance('vfs', { fsType: 'ext4' });
conformance('vfs', { fsType: 'xfs' });
conformance('vfs', { fsType: 'btrfs' });
// To each of its hosts a shared directory is one like any other.
const options = { 'vfs.scope': 'global' };
conformance('vfs', { fsType: 'xfs', options });
conformance('vfs', { fsType: 'ext4', options, only: /hold|held|stage|delete/ });
