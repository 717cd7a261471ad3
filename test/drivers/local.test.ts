import { conformance } from '../support/conformance.ts';

conformance('local', { fsType: 'ext4' });
