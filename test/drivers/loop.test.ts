import { conformance } from '../support/conformance.ts';

conformance('loop', { fsType: 'ext4' });
conformance('loop', { fsType: 'xfs' });
